package catalog_test

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/shard"
)

const ordersDDL = `
create table orders (id bigint not null, tenant_id bigint not null, total int, primary key (tenant_id, id));
select keyway.shard_table('orders', 'tenant_id');
grant select, insert, update, delete on orders to public;`

// TestEveryWayInGivesTheRightSlot is one story per way in which rows reach a table. All but the last two are sessions
// of an ordinary role that has no right on the schema keyway, which a session that saw the migrator's plan would hide.
func TestEveryWayInGivesTheRightSlot(t *testing.T) {
	s := single(t)
	stranger := s.app
	s.exec("revoke usage on schema keyway from " + s.app)
	s.exec(ordersDDL)
	for name, insert := range map[string]func(s *site) int{
		"psql without a slot": func(s *site) int {
			s.psql(stranger, "insert into orders (id, tenant_id) select i, i from generate_series(1, 50) i")
			return 50
		},
		"psql with a wrong slot": func(s *site) int {
			s.psql(stranger, "insert into orders (id, tenant_id, slot) values (1, 1, -3), (2, 1, 0), (3, 2, 32767)")
			return 3
		},
		"psql positional": func(s *site) int {
			s.psql(stranger, "insert into orders values (1, 7, 1), (2, 8, 100)")
			return 2
		},
		"psql ON CONFLICT DO UPDATE": func(s *site) int {
			upsert := "insert into orders as o (id, tenant_id, total) values (1, 5, 1), (2, 5, 1) on conflict (tenant_id, id) do update " +
				"set tenant_id = excluded.tenant_id, slot = excluded.slot, total = o.total + excluded.total;"
			s.psql(stranger, upsert+upsert)
			return 2
		},
		"COPY from psql": func(s *site) int {
			s.psql(stranger, "copy orders (id, tenant_id) from stdin;\n1\t10\n2\t11\n3\t12\n\\.\n")
			return 3
		},
		"COPY from psql with a wrong slot": func(s *site) int {
			s.psql(stranger, "copy orders (id, tenant_id, slot) from stdin;\n1\t10\t99\n2\t11\t\\N\n\\.\n")
			return 2
		},
		"INSERT from a SELECT": func(s *site) int {
			s.psql(stranger, "insert into orders (tenant_id, id, slot) select i, i, 5 from generate_series(1, 9) i")
			return 9
		},
		"MERGE": func(s *site) int {
			s.psql(stranger, "merge into orders o using (values (1, 1)) v (tenant_id, id) on o.id = v.id "+
				"when not matched then insert (tenant_id, id) values (v.tenant_id, v.id)")
			return 1
		},
		"pgx CopyFrom by a stranger": func(s *site) int { return copyRows(s.t, s.connect(stranger), 0) },
		"pgx CopyFrom by the library": func(s *site) int {
			return copyRows(s.t, s.library(stranger), 0)
		},
		"pgx CopyFrom by the library with wrong slots": func(s *site) int { return copyRows(s.t, s.library(stranger), 3) },
		"UPDATE that sets the slot to NULL": func(s *site) int {
			s.psql(stranger, "insert into orders values (1, 7); update orders set slot = null, total = 5")
			return 1
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := s.in(t)
			s.exec("delete from orders")
			s.rightSlots("orders", "tenant_id", insert(s))
		})
	}
}

// copyRows copies a hundred rows whose slots are off by so much.
func copyRows(t testing.TB, conn *pgx.Conn, off int16) int {
	t.Helper()
	n, err := conn.CopyFrom(t.Context(), pgx.Identifier{"orders"}, []string{"id", "tenant_id", "slot"},
		pgx.CopyFromSlice(100, func(i int) ([]any, error) {
			return []any{int64(i), int64(i), int16(shard.Int64(int64(i)).Slot()) + off}, nil
		}))
	require.NoError(t, err)
	return int(n)
}

// A column that is added later stands behind the slot, so a positional INSERT puts its value there. The row is still
// where it belongs; the value is lost, as it is for every positional INSERT into columns that moved.
func TestPositionalInsertAfterAColumnWasAddedKeepsTheSlotRight(t *testing.T) {
	s := single(t)
	s.exec(ordersDDL)
	s.exec("alter table orders add column note int")
	s.psql(s.app, "insert into orders values (1, 42, 100, 7)")
	s.rightSlots("orders", "tenant_id", 1)
}

func TestNoClientIsBelieved(t *testing.T) {
	right := shard.Int64(42).Slot()
	s := owning(t, shard.Range{Lo: right, Hi: right + 10, Shard: "s0"})
	s.exec(ordersDDL)
	for name, conn := range map[string]*pgx.Conn{"library": s.library(s.app), "other": s.connect(s.app)} {
		t.Run(name, func(t *testing.T) {
			// A wrong slot that this shard owns is put right; so is one that it does not own.
			for _, sent := range []int{int(right) + 1, int(right) + 100, -3} {
				slot, err := one[int](s.ctx(), conn, "insert into orders (id, tenant_id, slot) values ($1, 42, $2) returning slot",
					fmt.Sprintf("%d%03d", len(name), sent+100), sent)
				require.NoError(t, err)
				require.Equal(t, int(right), slot)
			}
			// A key of another shard is refused, whatever slot is sent for it.
			_, err := conn.Exec(s.ctx(), "insert into orders (id, tenant_id, slot) values (1, 43, $1)", int(right))
			e := codeOf(t, catalog.CodeNotOwned, err)
			require.Contains(t, e.Message, fmt.Sprintf("slot %d of table public.orders", shard.Int64(43).Slot()))
			require.NotContains(t, e.Message+e.Detail+e.Hint, "43 ")
		})
	}
}

func TestSlotsOfOtherShardsAreRefused(t *testing.T) {
	s := single(t)
	s.exec(ordersDDL)
	s.exec("insert into orders (id, tenant_id) select i, i from generate_series(1, 20) i")
	gone := shard.Int64(1).Slot()
	s.own(2, shard.Range{Lo: 0, Hi: shard.HashSlots - 1, Shard: "s0"}, shard.Range{Lo: gone, Hi: gone, Shard: "s1"})
	for name, sql := range map[string]string{
		"insert":      "insert into orders values (99, 1)",
		"on conflict": "insert into orders values (1, 1) on conflict do nothing",
		"update":      "update orders set total = 1 where tenant_id = 1",
		"delete":      "delete from orders where tenant_id = 1",
		"copy":        "copy orders (id, tenant_id) from stdin;\n99\t1\n\\.\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.cluster.Psql(s.ctx(), s.app, s.db, sql)
			require.ErrorContains(t, err, fmt.Sprintf("slot %d of table public.orders is not owned by this shard", gone))
		})
	}
	s.psql(s.app, "insert into orders values (99, 2); update orders set total = 1 where tenant_id = 2; delete from orders where tenant_id = 2")
}

func TestKeyAndSlotOfARowNeverChange(t *testing.T) {
	s := single(t)
	s.exec(ordersDDL)
	s.exec("insert into orders values (1, 1), (2, 2)")
	for _, sql := range []string{
		"update orders set tenant_id = 3 where id = 1",
		"update orders set slot = 3 where id = 1",
		"update orders set tenant_id = 3, slot = null where id = 1",
		"insert into orders (id, tenant_id) values (1, 1) on conflict (tenant_id, id) do update set tenant_id = 9",
	} {
		e := s.refused(catalog.CodeKeyChanged, sql)
		require.Contains(t, e.Message, "public.orders")
		require.NotEmpty(t, e.Hint)
	}
	s.exec("update orders set tenant_id = 1, slot = slot, total = 9 where id = 1")
	s.rightSlots("orders", "tenant_id", 2)
}

func TestUnusableKeysAreRefused(t *testing.T) {
	s := single(t)
	s.exec(`create table notes (owner text not null, part text not null); select keyway.shard_table('notes', 'owner', 'part');
		create table logins (id text not null); select keyway.shard_table('logins', 'id as uuid');
		create table big (id text not null); select keyway.shard_table('big', 'id')`)
	for _, sql := range []string{
		"insert into notes values (null, 'a')",
		"insert into notes values ('a', '')",
		"insert into logins values ('0190163D-8694-739B-AEA5-966C26F8AD90')",
		"insert into logins values ('{0190163d-8694-739b-aea5-966c26f8ad90}')",
		"insert into big values ('')",
		"insert into big values (repeat('x', 1048577))",
	} {
		e := s.refused(catalog.CodeBadKey, sql)
		require.Contains(t, e.Message, "shard key")
	}
	s.exec("insert into logins values ('0190163d-8694-739b-aea5-966c26f8ad90')")
}
