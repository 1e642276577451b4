package plan

import "github.com/keyway-go/keyway/internal/sqlparse"

// groupedQuery is the final query of a statement that groups over the rows of all shards.
type groupedQuery struct{ piece }

func (g *groupedQuery) write([]ResultColumn, bool) (string, error) { return g.text, nil }

func (sp *splitter) group() {
	panic(refuse(Inexact, sp.query.Start, "groups over the rows of all shards are not read", "group by the key"))
}

// setReturning are the functions of pg_catalog that give several rows.
var setReturning = map[string]bool{
	"generate_series": true, "generate_subscripts": true, "unnest": true, "json_array_elements": true,
	"json_array_elements_text": true, "json_each": true, "json_each_text": true, "json_object_keys": true,
	"json_populate_recordset": true, "json_to_recordset": true, "jsonb_array_elements": true,
	"jsonb_array_elements_text": true, "jsonb_each": true, "jsonb_each_text": true, "jsonb_object_keys": true,
	"jsonb_path_query": true, "jsonb_path_query_tz": true, "jsonb_populate_recordset": true, "jsonb_to_recordset": true,
	"regexp_matches": true, "regexp_split_to_table": true, "string_to_table": true, "ts_debug": true, "ts_parse": true,
	"ts_token_type": true,
}

// checkSetReturning refuses rows that are made after the grouping, whose number and place are hard to see.
func (sp *splitter) checkSetReturning(x sqlparse.Expr) {
	sqlparse.Walk(x, func(n sqlparse.Node) bool {
		if call, ok := n.(*sqlparse.FuncCall); ok && setReturning[call.Name] {
			panic(refuse(Inexact, call.Start, "the function "+call.Name+" in the outputs gives several rows", "write it in FROM"))
		}
		_, query := n.(*sqlparse.Select)
		return !query
	})
}
