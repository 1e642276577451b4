package plan

import (
	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/sqlparse"
)

// reader reads one statement. Its methods panic with a *Refusal, which build returns.
type reader struct {
	text   string
	reg    *catalog.Registry
	schema string
	scope  Scope

	params      int // the highest $n met
	uses        map[int]*paramUse
	tables      map[*catalog.Table]bool
	occurrences []*relation // of registered tables, in the order read
	block       *block      // the innermost block around the expression that is read
	readOnly    bool
	writes      bool // it has an INSERT, UPDATE, DELETE or MERGE
	verb        string

	// supposing is set while the second arm of a recursion is read, whose columns are only supposed to be what the
	// first arm proves.
	supposing bool

	// groupingSets is set when a query has ROLLUP, CUBE or GROUPING SETS.
	groupingSets bool

	// tops are the SELECTs met, with what is known of them; nil but for a scatter plan.
	tops map[*sqlparse.Select]*top

	firsts map[*sqlparse.Select]collation // of the first column of each query that is a value; with tops

	members map[*sqlparse.Select]*shape // what the query of x IN (query) gives; nil where there is none

	inserts []*insertion // INSERT ... VALUES into sharded tables
	scoped  []scopeValue // what the scope gives to INSERT ... SELECT and the INSERTs of a MERGE
	edits   []edit

	newer []string // functions called that an older PostgreSQL has not; see callsByName
}

func build(text string, reg *catalog.Registry, schema string, scope Scope) (p *Plan, err error) {
	stmt, err := sqlparse.Parse(text)
	if err != nil {
		return nil, unread(text, err)
	}
	return buildRead(stmt, text, reg, schema, scope)
}

// buildRead is build of a text that was read. The tree stays as it is.
func buildRead(stmt sqlparse.Statement, text string, reg *catalog.Registry, schema string, scope Scope) (p *Plan, err error) {
	defer catch(&p, &err)
	r := &reader{
		text: text, reg: reg, schema: schema, scope: scope,
		uses: map[int]*paramUse{}, tables: map[*catalog.Table]bool{},
	}
	r.statement(stmt)
	return r.plan(), nil
}

func (r *reader) statement(stmt sqlparse.Statement) {
	top := &scope{}
	switch q := stmt.(type) {
	case *sqlparse.Select:
		r.verb, r.readOnly = "SELECT", true
		r.query(q, top)
	case *sqlparse.Insert:
		r.verb = "INSERT"
		r.change(q, top)
	case *sqlparse.Update:
		r.verb = "UPDATE"
		r.change(q, top)
	case *sqlparse.Delete:
		r.verb = "DELETE"
		r.change(q, top)
	case *sqlparse.Merge:
		r.verb = "MERGE"
		r.change(q, top)
	default:
		panic(refuse(NotDML, 0, "this command is not SELECT, INSERT, UPDATE, DELETE or MERGE", "use db.Shard(id)"))
	}
}

// change reads a statement that writes, whole or as a CTE, and returns what its RETURNING gives.
func (r *reader) change(stmt sqlparse.Statement, outer *scope) *shape {
	r.readOnly, r.writes = false, true
	switch q := stmt.(type) {
	case *sqlparse.Insert:
		return r.readInsert(q, outer)
	case *sqlparse.Update:
		return r.readUpdate(q, outer)
	case *sqlparse.Delete:
		return r.readDelete(q, outer)
	case *sqlparse.Merge:
		return r.readMerge(q, outer)
	default:
		panic(refuse(Unsupported, stmt.Pos().Start, "this command is not read in a CTE", ""))
	}
}

func refuse(reason Reason, at int, detail, hint string) *Refusal {
	return &Refusal{Reason: reason, Detail: detail, Hint: hint, Offset: at}
}
