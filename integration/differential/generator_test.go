package differential

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

const schema = `
create table accounts (
    tenant  bigint not null,
    id      bigint not null,
    name    text,
    balance numeric not null default 0,
    rate    text,
    primary key (tenant, id)
);
create table items (
    tenant     bigint not null,
    id         bigint not null,
    account_id bigint,
    qty        integer,
    note       text,
    primary key (tenant, id)
);
create table docs (
    owner uuid not null,
    n     integer not null,
    body  text,
    primary key (owner, n)
);
create table labels (
    label text not null,
    n     smallint not null,
    weight double precision,
    primary key (label, n)
);
create table rates (code text primary key, factor numeric not null);
insert into rates values ('a', 1), ('b', 0.50), ('c', 2.000), ('it''s', 7);
`

const register = `
select keyway.shard_table('accounts', 'tenant');
select keyway.shard_table('items', 'tenant');
select keyway.shard_table('docs', 'owner');
select keyway.shard_table('labels', 'label');
select keyway.reference_table('rates');
`

// statement is a text with its arguments.
type statement struct {
	sql     string
	args    []any
	ordered bool // the rows come in a total order
	write   bool
}

// generator makes statements; its keys are few, so that rows are met again.
type generator struct{ *rand.Rand }

var (
	owners = []string{
		"00000000-0000-0000-0000-000000000001", "7d444840-9dc0-11d1-b245-5ffdce74fad2",
		"ffffffff-ffff-ffff-ffff-ffffffffffff", "0190163d-8694-739b-aea5-966c26f8ad91",
	}
	texts = []string{
		"plain", "it's", "tenant = 2", "-- no comment", "/* nor this */", `back\slash`, "$$dollar$$", "üñí", " lead", "",
		"x' or tenant <> 3 --",
	}
	labelKeys = []string{"red", "it's red", "Red", "ré", "a;b", `q"uote`, "tenant", "$1"}
)

func pick[T any](g *generator, of []T) T { return of[g.IntN(len(of))] }

func (g *generator) tenant() int64 { return int64(g.IntN(9)) - 1 }

// next makes one statement.
func (g *generator) next() statement {
	makers := []func() statement{
		g.insertAccount, g.insertAccount, g.insertItem, g.insertItem, g.insertMany, g.upsert, g.insertDoc, g.insertLabel,
		g.update, g.update, g.updateDoc, g.delete, g.deleteLabel,
		g.selectOne, g.selectAll, g.selectJoin, g.selectJoin, g.selectLeft, g.selectAggregate, g.selectIn, g.selectDocs,
		g.selectLabels, g.selectReference, g.selectContradiction, g.selectSub, g.selectOdd,
	}
	return pick(g, makers)()
}

// key writes the tenant as a parameter or as a constant of one of the spellings that pin.
func (g *generator) key(args *[]any, column string) string {
	t := g.tenant()
	switch g.IntN(7) {
	case 0:
		return fmt.Sprintf("%s = %d", column, t)
	case 1:
		return fmt.Sprintf("%d = %s", t, column)
	case 2:
		*args = append(*args, t)
		return fmt.Sprintf("%s = $%d::bigint", column, len(*args))
	case 3:
		return fmt.Sprintf("%s = '%d'", column, t)
	case 4:
		*args = append(*args, int32(t))
		return fmt.Sprintf("(%s) = ($%d)", column, len(*args))
	default:
		*args = append(*args, t)
		return fmt.Sprintf("%s = $%d", column, len(*args))
	}
}

func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// literal writes a text constant in one of SQL's spellings.
func (g *generator) literal(s string) string {
	switch g.IntN(3) {
	case 0:
		return "E'" + strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), "'", `\'`) + "'"
	case 1:
		return "$q$" + s + "$q$"
	default:
		return quoted(s)
	}
}

func (g *generator) insertAccount() statement {
	if g.IntN(3) == 0 {
		return statement{write: true, sql: fmt.Sprintf("insert into accounts (id, tenant, name, balance) values (%d, %d, %s, %d.50) returning tenant, id",
			g.IntN(12), g.tenant(), g.literal(pick(g, texts)), g.IntN(1000))}
	}
	return statement{write: true, sql: "insert into accounts (tenant, id, name, rate) values ($1, $2, $3, $4) on conflict do nothing returning name, balance",
		args: []any{g.tenant(), int64(g.IntN(12)), pick(g, texts), pick(g, []string{"a", "b", "c", "zz"})}}
}

func (g *generator) insertItem() statement {
	return statement{write: true, sql: "insert into items (tenant, id, account_id, qty, note) values ($1, $2, $3, $4, $5)",
		args: []any{g.tenant(), int64(g.IntN(40)), int64(g.IntN(12)), int32(g.IntN(7) - 2), pick(g, texts)}}
}

func (g *generator) insertMany() statement {
	t := g.tenant()
	return statement{write: true, sql: "insert into items (id, tenant, note) values ($2, $1, 'many'), ($3, $1, $4) on conflict (tenant, id) do nothing",
		args: []any{t, int64(g.IntN(40)), int64(100 + g.IntN(40)), pick(g, texts)}}
}

func (g *generator) upsert() statement {
	return statement{write: true, sql: `insert into accounts as acc (tenant, id, name) values ($1, $2, $3)
		on conflict (tenant, id) do update set name = excluded.name, balance = acc.balance + 1, tenant = excluded.tenant
		where acc.name is distinct from excluded.name returning acc.balance`,
		args: []any{g.tenant(), int64(g.IntN(12)), pick(g, texts)}}
}

func (g *generator) insertDoc() statement {
	if g.IntN(2) == 0 {
		return statement{write: true, sql: fmt.Sprintf("insert into docs (owner, n, body) values (%s, %d, %s) on conflict do nothing",
			quoted(pick(g, owners)), g.IntN(8), g.literal(pick(g, texts)))}
	}
	return statement{write: true, sql: "insert into docs (n, body, owner) values ($1, $2, $3)",
		args: []any{int32(g.IntN(8)), pick(g, texts), pick(g, owners)}}
}

func (g *generator) insertLabel() statement {
	if g.IntN(2) == 0 {
		return statement{write: true, sql: fmt.Sprintf("insert into labels (label, n, weight) values (%s, %d, 0.5)",
			g.literal(pick(g, labelKeys)), g.IntN(6))}
	}
	return statement{write: true, sql: "insert into labels values ($1, $2, $3)", // no column list
		args: []any{pick(g, labelKeys), int16(g.IntN(6)), float64(g.IntN(9))}}
}

func (g *generator) update() statement {
	s := statement{write: true}
	set := pick(g, []string{
		"balance = balance + 1.25", "name = upper(name)", "name = name || ' tenant = 4'", "rate = null",
		"balance = (select factor from rates where code = 'b')",
	})
	where := g.key(&s.args, pick(g, []string{"tenant", "accounts.tenant", `"tenant"`}))
	s.sql = fmt.Sprintf("update accounts set %s where %s and id %s %d returning id, name, balance",
		set, where, pick(g, []string{"=", "<", ">=", "<>"}), g.IntN(12))
	return s
}

func (g *generator) updateDoc() statement {
	return statement{write: true, sql: "update docs d set body = coalesce(d.body, '') || $1 where d.owner = $2::uuid and d.n in (1, 2, $3)",
		args: []any{"+", pick(g, owners), int32(g.IntN(8))}}
}

func (g *generator) delete() statement {
	s := statement{write: true}
	table := pick(g, []string{"items", "accounts"})
	where := g.key(&s.args, "x.tenant")
	s.sql = fmt.Sprintf("delete from only %s as x where x.id = %d and %s", table, g.IntN(60), where)
	return s
}

func (g *generator) deleteLabel() statement {
	return statement{write: true, sql: "delete from labels where label = $1 and n = any($2::smallint[]) returning n, weight",
		args: []any{pick(g, labelKeys), []int16{int16(g.IntN(6)), 5}}}
}

func (g *generator) selectOne() statement {
	s := statement{}
	where := g.key(&s.args, "tenant")
	s.args = append(s.args, int64(g.IntN(12)))
	s.sql = fmt.Sprintf("select * from accounts where %s and id = $%d", where, len(s.args))
	return s
}

func (g *generator) selectAll() statement {
	s := statement{ordered: true}
	where := g.key(&s.args, "i.tenant")
	extra := pick(g, []string{
		"", " and (qty > 1 or note is null)", " and note like '%''%'", " and not (qty between 0 and 2)", " and qty is not distinct from null",
		" and note <> 'tenant = 2' /* and tenant = 5 */", " and id = any(array[1, 2, 3, 30])",
	})
	s.sql = fmt.Sprintf("select i.*, i.qty * 2 as twice from items as i where %s%s order by i.id desc limit %d offset %d",
		where, extra, 1+g.IntN(9), g.IntN(3))
	return s
}

func (g *generator) selectJoin() statement {
	s := statement{ordered: true}
	where := g.key(&s.args, pick(g, []string{"a.tenant", "i.tenant"}))
	on := pick(g, []string{
		"on i.tenant = a.tenant and i.account_id = a.id", "on a.tenant = i.tenant and i.account_id = a.id and i.qty > 0",
	})
	s.sql = fmt.Sprintf(`select a.tenant, a.id, i.id, i.note, r.factor from accounts a join items i %s
		left join rates r on r.code = a.rate where %s order by 1, 2, 3`, on, where)
	return s
}

func (g *generator) selectLeft() statement {
	s := statement{ordered: true}
	on := pick(g, []string{
		"i.tenant = a.tenant and i.account_id = a.id", // pins both through the preserved side
		"i.account_id = a.id and i.tenant = 3",        // pins the nullable side only
		"i.account_id = a.id",
	})
	where := g.key(&s.args, pick(g, []string{"a.tenant", "i.tenant"}))
	s.sql = fmt.Sprintf("select a.tenant, a.id, i.tenant, i.id from accounts a %s join items i on %s where %s order by 1, 2, 3, 4",
		pick(g, []string{"left", "left outer", "right", "full", "inner"}), on, where)
	return s
}

func (g *generator) selectAggregate() statement {
	s := statement{ordered: true}
	where := g.key(&s.args, "tenant")
	s.sql = fmt.Sprintf(`select qty, count(*), count(distinct note), sum(qty), min(note), avg(qty), bool_or(qty > 1)
		from items where %s group by qty having count(*) >= %d order by qty nulls first`, where, g.IntN(3))
	return s
}

func (g *generator) selectIn() statement {
	a, b := g.tenant(), g.tenant()
	switch g.IntN(4) {
	case 0:
		return statement{sql: "select tenant, id from accounts where tenant in ($1, $2)", args: []any{a, b}}
	case 1:
		return statement{sql: "select tenant, id, note from items where tenant = any($1)", args: []any{[]int64{a, b, a}}}
	case 2:
		return statement{sql: "select count(*), sum(qty) from items where tenant = any($1)", args: []any{[]int64{}}}
	default:
		return statement{sql: "select tenant, max(id) from items where tenant in (" + fmt.Sprint(a) + ") group by tenant"}
	}
}

func (g *generator) selectDocs() statement {
	return statement{ordered: true, sql: "select n, body, owner from docs where owner = $1 and (body is null or length(body) < $2) order by n",
		args: []any{pick(g, owners), int32(g.IntN(20))}}
}

func (g *generator) selectLabels() statement {
	return statement{sql: fmt.Sprintf("select l.label, l.n, l.weight from labels l where l.label = %s and l.n <> all('{1,2}')",
		g.literal(pick(g, labelKeys)))}
}

func (g *generator) selectReference() statement {
	return statement{ordered: true, sql: pick(g, []string{
		"select * from rates order by code", "select count(*), sum(factor) from rates where code > 'a'",
		"select r.code, s.code from rates r cross join rates s order by 1, 2 limit 5", "select 1 + 1 as two, 'a;b' as text",
	})}
}

func (g *generator) selectContradiction() statement {
	a, b := g.tenant(), g.tenant()
	return statement{sql: pick(g, []string{
		"select count(*), max(balance) from accounts where tenant = $1 and tenant = $2",
		"select a.id from accounts a join items i on i.tenant = a.tenant where a.tenant = $1 and i.tenant = $2",
	}), args: []any{a, b}}
}

func (g *generator) selectSub() statement {
	s := statement{}
	outer := g.key(&s.args, "a.tenant")
	inner := pick(g, []string{
		"i.tenant = a.tenant and i.account_id = a.id", "tenant = a.tenant and account_id = a.id", "i.account_id = a.id",
		"tenant = tenant and account_id = a.id", "i.tenant = 2 and i.account_id = a.id",
	})
	s.sql = fmt.Sprintf(pick(g, []string{
		"select a.id from accounts a where %s and exists (select 1 from items i where %s)",
		"select a.id, (select count(*) from items i where %[2]s) from accounts a where %[1]s",
		"select a.id from accounts a where %s and a.id in (select i.account_id from items i where %s)",
	}), outer, inner)
	return s
}

// selectOdd makes statements that look as if they named one key and do not: most must be refused.
func (g *generator) selectOdd() statement {
	t := g.tenant()
	return statement{sql: pick(g, []string{
		"select x.id from (select * from items order by qty desc, id limit 2) x where x.tenant = $1",
		"select id from items as i (id, tenant) where tenant = $1",
		"select count(*) from items where tenant = $1 or qty = 1",
		"select count(*) from items where not tenant <> $1",
		"select count(*) from items where tenant + 0 = $1",
		"select count(*) from items where tenant::text = $1::bigint::text",
		"select count(*) from items where (tenant = $1) is true",
		"select count(*) from items where tenant between $1 and $1",
		"select i.id, row_number() over (order by i.id) from items i where i.tenant = $1",
		"with w as (select * from items where tenant = $1) select count(*) from w",
		"with w as (select * from items) select count(*) from w where tenant = $1",
		"select id from items where tenant = $1 union select id from accounts where tenant = $1",
		"select id from items where tenant = $1 union all select id from accounts",
		"select count(*) from items where case when tenant = $1 then true else qty > 0 end",
		"select a.id from accounts a natural join items i where a.tenant = $1",
		"select tenant, id from accounts join items using (tenant, id) where tenant = $1",
		"select count(*) from items where (tenant, id) = ($1, 3)",
		"select count(*) from items i, accounts a where i.tenant = $1 and a.tenant = i.tenant",
		"select count(*) from items i, accounts a where i.tenant = $1",
		"select count(*) from public.items where items.tenant = $1",
		"select distinct on (tenant) tenant, id from items where tenant = $1 order by tenant, id",
		"select id from items where tenant = $1 for update",
		"select lag(id) over (partition by tenant order by id) from items where tenant = $1",
	}), args: []any{t}}
}
