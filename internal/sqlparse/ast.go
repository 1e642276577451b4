package sqlparse

// Span is a half-open range of byte offsets in the text that was parsed. Every node has one, so a caller
// can edit a statement by offsets and leave the rest as it was written.
type Span struct{ Start, End int }

// Text returns the part of sql that the span covers.
func (s Span) Text(sql string) string { return sql[s.Start:s.End] }

// Pos returns the span itself; it makes every node that embeds a Span a [Node].
func (s Span) Pos() Span { return s }

// Node is any part of a statement.
type Node interface{ Pos() Span }

// Statement is one of *Select, *Insert, *Update, *Delete, *Merge.
type Statement interface {
	Node
	statement()
}

// Name is an identifier after folding: lower-cased unless it was quoted.
type Name struct {
	Span
	Value  string
	Quoted bool
}

// TableName is a possibly schema-qualified relation name; Schema.Value is "" when there was none.
type TableName struct {
	Span
	Schema Name
	Name   Name
}

// With is a WITH clause.
type With struct {
	Span
	Recursive bool
	CTEs      []*CTE
}

// CTE is one common table expression.
type CTE struct {
	Span
	Name         Name
	Columns      []Name
	Materialized Materialization
	Query        Statement // Select, or a data-modifying statement
	Search       *Search   // SEARCH; it adds a column to the table
	Cycle        *Cycle    // CYCLE; it adds two
}

// Search is SEARCH BREADTH|DEPTH FIRST BY columns SET column.
type Search struct {
	Span
	Breadth bool
	Columns []Name
	Set     Name
}

// Cycle is CYCLE columns SET column [TO mark DEFAULT default] USING column. Mark and Default are nil when not written.
type Cycle struct {
	Span
	Columns       []Name
	Set           Name
	Mark, Default Expr
	Using         Name
}

// Materialization is the [NOT] MATERIALIZED of a CTE.
type Materialization uint8

// The materialization choices of a CTE.
const (
	MaterializeDefault Materialization = iota
	MaterializeAlways
	MaterializeNot
)

// SetOp joins two queries.
type SetOp uint8

// The set operations. SetNone marks a simple SELECT, a VALUES list or a TABLE command.
const (
	SetNone SetOp = iota
	SetUnion
	SetIntersect
	SetExcept
)

// Select is a query: a simple SELECT, a VALUES list, or two queries joined by a set operation (Op != SetNone, and
// then only With, OrderBy, Limit, Offset, Locking and the operands are meaningful).
type Select struct {
	Span
	With *With

	Op          SetOp
	All         bool
	Left, Right *Select

	Values [][]Expr // VALUES (...), (...); nil otherwise

	Distinct   bool
	DistinctOn []Expr // DISTINCT ON (...)
	Targets    []Target
	Into       *TableName // SELECT INTO
	From       []TableExpr
	Where      Expr
	GroupBy    []Expr // GroupingSet for ROLLUP, CUBE, GROUPING SETS
	GroupAll   bool   // GROUP BY ALL / DISTINCT quantifier was given

	GroupDistinct bool // the quantifier was DISTINCT
	Having        Expr
	Windows       []WindowDef

	// WhereAt is where " WHERE ..." may be inserted when Where is nil: the end of FROM, or of the target list. It is -1
	// where no WHERE can stand: VALUES, TABLE, set operations.
	WhereAt int

	// Table marks the command TABLE name. It is given as SELECT * FROM name, with a star of an empty span.
	Table bool

	OrderBy  []OrderItem
	Limit    Expr // nil for none and for LIMIT ALL
	Offset   Expr
	WithTies bool
	Locking  []Locking
	Parens   bool // the whole query was written in parentheses that no other syntax asks for; Span is what is inside

	hasLimit bool // LIMIT, LIMIT ALL or FETCH was written
}

// Target is an output item of SELECT or RETURNING. A bare or qualified star is a *Star expression.
type Target struct {
	Span
	Expr  Expr
	Alias Name // Value "" when there is none
}

// Locking is FOR UPDATE and its kin.
type Locking struct {
	Span
	Strength string // "UPDATE", "NO KEY UPDATE", "SHARE", "KEY SHARE"
	Of       []TableName
	Wait     string // "", "NOWAIT", "SKIP LOCKED"
}

// OrderItem is one ORDER BY item.
type OrderItem struct {
	Span
	Expr        Expr
	Desc        bool
	NullsFirst  *bool  // nil when not written
	Using       string // USING operator
	UsingSchema string // USING OPERATOR(schema.operator)
}

// WindowDef is a window definition, inline (OVER (...)) or named (WINDOW w AS (...)).
type WindowDef struct {
	Span
	Name      Name // of the definition in a WINDOW clause
	Base      Name // an existing window it refines, or the name in OVER name
	Partition []Expr
	OrderBy   []OrderItem
	HasFrame  bool
	FrameArgs []Expr // offsets of the frame clause
}

// TableExpr is one of *TableRef, *Join, *SubqueryRef, *FuncRef.
type TableExpr interface {
	Node
	tableExpr()
}

// Alias is AS name (col, ...). Name.Value is "" when there is none.
type Alias struct {
	Span
	Name    Name
	Columns []Name
}

// TableRef is a relation (or CTE) in FROM, or the target of DML.
type TableRef struct {
	Span
	Table       TableName
	Only        bool // ONLY name
	Star        bool // name *
	Alias       Alias
	TableSample bool
	Sample      []Name // the method of TABLESAMPLE, with its schema when it was written
	SampleArgs  []Expr // REPEATABLE's is the last
	Repeatable  bool
}

// JoinKind is the kind of a join.
type JoinKind uint8

// The joins.
const (
	JoinCross JoinKind = iota // also the comma is not represented here: From is a list
	JoinInner
	JoinLeft
	JoinRight
	JoinFull
)

// Join is left JOIN right. The span of one in parentheses takes in the parentheses and the alias.
type Join struct {
	Span
	Kind        JoinKind
	Natural     bool
	Left, Right TableExpr
	On          Expr
	Using       []Name
	UsingAlias  Name
	Alias       Alias // (a JOIN b) AS x
}

// SubqueryRef is a derived table.
type SubqueryRef struct {
	Span
	Lateral bool
	Query   *Select
	Alias   Alias
}

// FuncRef is a function in FROM, also ROWS FROM (several Calls).
type FuncRef struct {
	Span
	Lateral    bool
	Calls      []Expr // *FuncCall, mostly
	Ordinality bool
	Alias      Alias
	ColumnDefs bool // AS (a int, b text): then Types has a type for each of Alias.Columns
	Types      []TypeName

	CallDefs []*ColumnDefs // ROWS FROM (f() AS (a int)): one for each of Calls, nil where none was written; or nil
}

// ColumnDefs is a list of column definitions; Types has a type for each of Columns.
type ColumnDefs struct {
	Span
	Columns []Name
	Types   []TypeName
}

// Insert is INSERT.
type Insert struct {
	Span
	With          *With
	Table         TableRef
	Columns       []InsertColumn // nil when no column list was written
	ColumnsSpan   Span           // the list with its parentheses; zero when none
	Overriding    string         // "", "SYSTEM", "USER"
	DefaultValues bool
	Query         *Select // VALUES or SELECT; nil with DefaultValues
	OnConflict    *OnConflict
	ReturningWith []ReturningAlias
	Returning     []Target
}

// InsertColumn is one name of an INSERT's column list or of a SET clause. Indirection is true for col.field and col[i].
type InsertColumn struct {
	Span
	Name        Name
	Indirection bool
	Subscripts  []Expr // the expressions inside [...]
}

// OnConflict is INSERT's ON CONFLICT.
type OnConflict struct {
	Span
	Targets     []Expr // the inferred index elements
	TargetWhere Expr
	Constraint  Name
	DoNothing   bool
	Set         []SetClause
	Where       Expr
}

// SetClause is one assignment: one column and one value, or several columns and a row value.
type SetClause struct {
	Span
	Columns []InsertColumn
	Multi   bool // (a, b) = ...
	Value   Expr // *DefaultExpr for DEFAULT
}

// Update is UPDATE.
type Update struct {
	Span
	With          *With
	Table         TableRef
	Set           []SetClause
	From          []TableExpr
	Where         Expr
	WhereAt       int // see Select.WhereAt
	CurrentOf     bool
	ReturningWith []ReturningAlias
	Returning     []Target
}

// Delete is DELETE.
type Delete struct {
	Span
	With          *With
	Table         TableRef
	Using         []TableExpr
	Where         Expr
	WhereAt       int // see Select.WhereAt
	CurrentOf     bool
	ReturningWith []ReturningAlias
	Returning     []Target
}

// Merge is MERGE.
type Merge struct {
	Span
	With          *With
	Table         TableRef
	Source        TableExpr
	On            Expr
	When          []MergeWhen
	ReturningWith []ReturningAlias
	Returning     []Target
}

// ReturningAlias is one of RETURNING WITH (OLD AS name, NEW AS name).
type ReturningAlias struct {
	Span
	New  bool
	Name Name
}

// MergeWhen is one WHEN clause of MERGE.
type MergeWhen struct {
	Span
	Matched     bool
	BySource    bool // NOT MATCHED BY SOURCE
	Cond        Expr
	CondAt      int    // where " AND ..." may be inserted when Cond is nil
	Action      string // "UPDATE", "DELETE", "INSERT", "DO NOTHING"
	Set         []SetClause
	Columns     []InsertColumn
	ColumnsSpan Span
	Values      []Expr
	Overriding  string
}

func (*Select) statement() {}
func (*Insert) statement() {}
func (*Update) statement() {}
func (*Delete) statement() {}
func (*Merge) statement()  {}

func (*TableRef) tableExpr()    {}
func (*Join) tableExpr()        {}
func (*SubqueryRef) tableExpr() {}
func (*FuncRef) tableExpr()     {}
