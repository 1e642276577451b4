package sqlparse

// Expr is an expression: one of the types of this file.
type Expr interface {
	Node
	expr()
}

// ColumnRef is a, t.a or s.t.a; Parts are in the order written.
type ColumnRef struct {
	Span
	Parts []Name
}

// Star is *, t.* or s.t.*; Parts are the qualifiers.
type Star struct {
	Span
	Parts []Name
}

// Param is $n.
type Param struct {
	Span
	Number int
}

// LiteralKind says what a literal is.
type LiteralKind uint8

// The literals. A string of any spelling (plain, with escapes, dollar-quoted) is LitString with its decoded Value.
const (
	LitNull LiteralKind = iota
	LitTrue
	LitFalse
	LitInteger // decimal digits only, optionally with a leading minus folded in; Value has no underscores
	LitNumeric // anything else that is a number
	LitString
	LitBit // a bit string; Value is b or x and the digits
)

// Literal is a constant. date '2020-01-01' is a *Cast of one.
type Literal struct {
	Span
	Kind  LiteralKind
	Value string
}

// TypeName is a type as written, folded: Name is its last part ("int8", "bigint", "timestamp with time zone", ...).
type TypeName struct {
	Span
	Schema string
	Name   string // lower case, the SQL-standard spellings as PostgreSQL's format_type prints them are not applied
	Mods   []Expr // varchar(10), numeric(10,2)
	Quoted bool   // "char" is not char
	Fields string // of interval: "day to second(3)"
	Array  int    // number of [] or ARRAY
	SetOf  bool
}

// Cast is x::type, CAST(x AS type) or type 'literal'.
type Cast struct {
	Span
	X    Expr
	Type TypeName
}

// Unary is a prefix operator; Op is the operator as written, or "not". A minus on an integer literal is part of the
// literal instead. OpSchema is set for OPERATOR(s.+).
type Unary struct {
	Span
	Op       string
	OpSchema string
	X        Expr
}

// Binary is an infix operator. Op is the operator as written ("=", "<>" for both spellings, "||", "->>", ...) or
// "is distinct from", "is not distinct from", "at time zone", "overlaps".
type Binary struct {
	Span
	Op       string
	OpSchema string // OPERATOR(pg_catalog.=)
	L, R     Expr
}

// And and Or are n-ary: a AND b AND c is one node with three operands, in order.
type And struct {
	Span
	X []Expr
}

// Or is the n-ary OR.
type Or struct {
	Span
	X []Expr
}

// IsTest is x IS [NOT] NULL, TRUE, FALSE, UNKNOWN, DOCUMENT, NORMALIZED, JSON..., and ISNULL, NOTNULL; What is lower
// case: "null", "nfc normalized", "json object".
type IsTest struct {
	Span
	X    Expr
	Not  bool
	What string
}

// Between is x [NOT] BETWEEN [SYMMETRIC] lo AND hi.
type Between struct {
	Span
	X, Lo, Hi      Expr
	Not, Symmetric bool
}

// Like is [NOT] LIKE, ILIKE, SIMILAR TO; Op is lower case.
type Like struct {
	Span
	Op         string
	Not        bool
	X, Pattern Expr
	Escape     Expr
}

// In is x [NOT] IN (list) or (query): exactly one of List and Query is set.
type In struct {
	Span
	X     Expr
	Not   bool
	List  []Expr
	Query *Select
}

// Quantified is x op ANY|SOME|ALL (array or query): exactly one of Array and Query is set. Op may be "like", "not like",
// "ilike" and "not ilike" too.
type Quantified struct {
	Span
	X        Expr
	Op       string
	OpSchema string
	All      bool
	Array    Expr
	Query    *Select
}

// SubqueryKind says how a subquery is used as an expression.
type SubqueryKind uint8

// The subqueries.
const (
	SubScalar SubqueryKind = iota
	SubExists
	SubArray
)

// Subquery is (select ...), EXISTS (...) or ARRAY(...).
type Subquery struct {
	Span
	Kind  SubqueryKind
	Query *Select
}

// FuncCall is a function or aggregate call, also in the SQL standard's keyword syntax: then Special is set, Args are in
// the order written, and Name is PostgreSQL's (trim is btrim, ltrim or rtrim; collation for is pg_collation_for). The
// field of extract is given as a string literal. COALESCE and its kin are *Coalesce.
type FuncCall struct {
	Span
	Schema      string
	Name        string // folded
	Args        []Expr // named arguments are *NamedArg
	Star        bool   // count(*)
	Distinct    bool
	Variadic    bool
	OrderBy     []OrderItem
	WithinGroup []OrderItem
	Filter      Expr
	Over        *WindowDef
	NullsSpec   string // "ignore nulls", "respect nulls"
	Special     bool   // keyword syntax: extract(x from y), position(a in b), current_date, json_object(...)
}

// ClauseCall is a function of SQL/JSON or XML whose operands are told apart by clauses (RETURNING, PASSING, ON ERROR,
// NAME ...). The tree has the operands and types, each in the order written; which clause one belongs to is left in the
// text. XMLEXISTS is a *FuncCall, and so is json_object with the arguments of an ordinary call.
type ClauseCall struct {
	Span
	Name    string // lower case: "json_value", "xmlelement"
	Args    []Expr
	Query   *Select // json_array(select ...)
	Types   []TypeName
	Columns []Name      // of JSON_TABLE and XMLTABLE, in the order written
	OrderBy []OrderItem // json_arrayagg(a order by b)
	Filter  Expr
	Over    *WindowDef
}

// NamedArg is name => value.
type NamedArg struct {
	Span
	Name Name
	X    Expr
}

// Case is CASE.
type Case struct {
	Span
	X     Expr // the operand of the simple form
	Whens []When
	Else  Expr
}

// When is one arm of CASE.
type When struct {
	Span
	Cond, Then Expr
}

// Coalesce is COALESCE, NULLIF, GREATEST or LEAST; Name is lower case.
type Coalesce struct {
	Span
	Name string
	Args []Expr
}

// Row is ROW(...) or (a, b).
type Row struct {
	Span
	Explicit bool // the keyword ROW was written
	X        []Expr
}

// Array is ARRAY[...].
type Array struct {
	Span
	X []Expr
}

// Index is x[i], with i in Lo, or x[lo:hi], where either may be nil.
type Index struct {
	Span
	X      Expr
	Slice  bool
	Lo, Hi Expr
}

// Field is (x).name or (x).*.
type Field struct {
	Span
	X    Expr
	Name Name
	Star bool
}

// Collate is x COLLATE name.
type Collate struct {
	Span
	X         Expr
	Collation TableName
}

// Paren is an expression in parentheses.
type Paren struct {
	Span
	X Expr
}

// DefaultExpr is DEFAULT in VALUES or SET.
type DefaultExpr struct{ Span }

// GroupingSet is ROLLUP, CUBE, GROUPING SETS or () in GROUP BY; Kind is lower case.
type GroupingSet struct {
	Span
	Kind string
	X    []Expr
}

func (*ColumnRef) expr()   {}
func (*Star) expr()        {}
func (*Param) expr()       {}
func (*Literal) expr()     {}
func (*Cast) expr()        {}
func (*Unary) expr()       {}
func (*Binary) expr()      {}
func (*And) expr()         {}
func (*Or) expr()          {}
func (*IsTest) expr()      {}
func (*Between) expr()     {}
func (*Like) expr()        {}
func (*In) expr()          {}
func (*Quantified) expr()  {}
func (*Subquery) expr()    {}
func (*FuncCall) expr()    {}
func (*ClauseCall) expr()  {}
func (*NamedArg) expr()    {}
func (*Case) expr()        {}
func (*Coalesce) expr()    {}
func (*Row) expr()         {}
func (*Array) expr()       {}
func (*Index) expr()       {}
func (*Field) expr()       {}
func (*Collate) expr()     {}
func (*Paren) expr()       {}
func (*DefaultExpr) expr() {}
func (*GroupingSet) expr() {}
