package sqlparse_test

import (
	"testing"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

var typical = []struct{ name, sql string }{
	{"point", "select id, tenant_id, state, total from orders where tenant_id = $1 and id = $2"},
	{"insert", "insert into orders (tenant_id, id, state, total, created_at) values ($1, $2, $3, $4, now()) returning id"},
	{"update", "update accounts set balance = balance + $1, updated_at = now() where tenant_id = $2 and id = $3"},
	{"join", `SELECT o.id, o.total, c.name AS customer FROM orders o JOIN customers c ON c.tenant_id = o.tenant_id
		AND c.id = o.customer_id WHERE o.tenant_id = $1 AND o.state = ANY($2) ORDER BY o.created_at DESC LIMIT $3`},
	{"report", `with recent as (select * from orders where tenant_id = $1 and created_at > now() - interval '7 days')
		select date_trunc('day', created_at) as day, count(*) filter (where state = 'paid') as paid,
		sum(total) over (partition by state order by created_at desc) from recent left join lateral
		(select max(at) as at from visits v where v.tenant_id = recent.tenant_id) x on true
		group by 1, total, state, created_at having count(*) > 1 order by day desc nulls last limit 100`},
}

func BenchmarkLex(b *testing.B) {
	for _, c := range typical {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := sqlparse.Lex(c.sql); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
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
