package plan

import (
	"slices"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

// outColumns are the columns of the functions of pg_catalog that name them themselves; any other listed function gives one
// column, called as its alias in FROM or as the function, or columns that the statement defines.
var outColumns = map[string][]string{
	"json_each": {"key", "value"}, "json_each_text": {"key", "value"}, "jsonb_each": {"key", "value"},
	"jsonb_each_text": {"key", "value"}, "json_array_elements": {"value"}, "json_array_elements_text": {"value"},
	"jsonb_array_elements": {"value"}, "jsonb_array_elements_text": {"value"},
	"pg_input_error_info": {"message", "detail", "hint", "sql_error_code"}, "ts_debug": {"alias", "description", "token", "dictionaries", "dictionary", "lexemes"},
	"ts_parse": {"tokid", "token"}, "ts_token_type": {"tokid", "alias", "description"},
}

// functionColumns lists what the columns of functions in FROM may be called. For PostgreSQL takes f.x, where f has no
// column x, for a call of the function x.
func (r *reader) functionColumns(f *sqlparse.FuncRef, alias string) []string {
	var names []string
	for i, call := range f.Calls {
		switch call := call.(type) {
		case *sqlparse.ClauseCall:
			for _, c := range call.Columns {
				names = append(names, c.Value)
			}
		case *sqlparse.FuncCall:
			cols, rows := outColumns[call.Name]
			if call.Name == "unnest" && len(call.Args) == 1 {
				cols, rows = []string{"lexeme", "positions", "weights"}, true // of a tsvector
				names = append(names, alias, call.Name)
			}
			switch {
			case rows:
				names = append(names, cols...)
			case f.CallDefs != nil && f.CallDefs[i] != nil:
				for _, c := range f.CallDefs[i].Columns {
					names = append(names, c.Value)
				}
			case slices.Contains(populates, call.Name):
				names = append(names, r.rowColumns(call)...)
			default:
				names = append(names, alias, call.Name)
			}
		}
	}
	if f.Ordinality {
		names = append(names, "ordinality")
	}
	return names
}

// populates are the functions that give rows of their first argument's type.
var populates = []string{"json_populate_record", "json_populate_recordset", "jsonb_populate_record", "jsonb_populate_recordset"}

// rowColumns are the columns of json_populate_record(null::table, ...) and its kin.
func (r *reader) rowColumns(call *sqlparse.FuncCall) []string {
	if len(call.Args) == 0 {
		return nil
	}
	cast, ok := strip(call.Args[0]).(*sqlparse.Cast)
	if !ok {
		return nil
	}
	schema := cast.Type.Schema
	if schema == "" {
		schema = r.schema
	}
	t, ok := r.reg.Table(schema, cast.Type.Name)
	if !ok {
		return nil
	}
	var names []string
	for i := range t.Columns {
		names = append(names, t.Columns[i].Name)
	}
	return names
}
