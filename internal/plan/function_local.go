package plan

import "github.com/keyway-go/keyway/internal/sqlparse"

// local reports whether a call means functions that are registered as local, and nothing else. By whom of them it is
// answered depends on the types of its arguments, so the registry has a name only when all functions of it are registered.
// Without a schema it is of the application's own, which is the only one on the search_path behind pg_catalog.
func (r *reader) local(e *sqlparse.FuncCall) bool {
	if e.Special || postgresOwn(e.Name) {
		return false
	}
	schema := e.Schema
	if schema == "" {
		schema = r.schema
	}
	f, ok := r.reg.Function(schema, e.Name)
	if !ok {
		if d := r.reg.FunctionDriftOf(schema, e.Name); d != nil {
			panic(refuse(UserFunction, e.Start, "the function "+calledAs(e)+" is not as it was registered: "+d.Reason, ""))
		}
		return false
	}
	switch {
	case e.Over != nil, e.Star, e.Distinct, e.Variadic, e.Filter != nil, len(e.OrderBy) > 0, len(e.WithinGroup) > 0, e.NullsSpec != "":
		panic(refuse(UserFunction, e.Start, "the function "+calledAs(e)+" is called as it cannot be", "write it with its arguments alone"))
	case r.tops != nil && !f.Immutable():
		panic(refuse(ServerFunction, e.Start, "the function "+calledAs(e)+" is STABLE, and may read the clock or a setting of each server",
			"if it does not, declare it IMMUTABLE and register it again; or give its value as an argument"))
	}
	return true
}

// postgresOwn reports whether anything here knows a function by that name as one of PostgreSQL's.
func postgresOwn(name string) bool {
	_, listed := functions[name]
	_, special := specials[name]
	_, clause := clauseCalls[name]
	return listed || special || clause || newer[name] > 0 || serverFunctions[name] != "" || clockNames[name] || setReturning[name]
}

func calledAs(e *sqlparse.FuncCall) string {
	if e.Schema == "" {
		return e.Name
	}
	return e.Schema + "." + e.Name
}
