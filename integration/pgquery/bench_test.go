package pgquery

import (
	"testing"

	"github.com/wasilibs/go-pgquery/parser"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

// typical are statements as applications write them.
var typical = []struct{ name, sql string }{
	{"select", "select id, tenant_id, state, total from orders where tenant_id = $1 and id = $2"},
	{"insert", "insert into orders (tenant_id, id, state, total, created_at) values ($1, $2, $3, $4, now()) returning id"},
	{"update", "update accounts set balance = balance + $1, updated_at = now() where tenant_id = $2 and id = $3"},
	{"join", `SELECT o.id, o.total, c.name AS customer FROM orders o JOIN customers c ON c.tenant_id = o.tenant_id
		AND c.id = o.customer_id WHERE o.tenant_id = $1 AND o.state = ANY($2) ORDER BY o.created_at DESC LIMIT $3`},
}

// BenchmarkParseKeyway reads a text into a tree.
func BenchmarkParseKeyway(b *testing.B) {
	for _, c := range typical {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := sqlparse.Parse(c.sql); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkParsePgQuery gives the tree of libpg_query as protobuf, which its users have to decode yet. With the build
// tag pgquery_cgo, and libpg_query compiled, it is the C library instead of WebAssembly.
func BenchmarkParsePgQuery(b *testing.B) {
	for _, c := range typical {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := parser.ParseToProtobuf(c.sql); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
