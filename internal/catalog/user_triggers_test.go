package catalog_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/catalog"
)

const changeKey = `
create function change_key() returns trigger language plpgsql as $$ begin new.tenant_id := new.tenant_id + 1; return new; end $$;`

// TestAUsersTriggerThatChangesTheKey ends in a right slot or in a refusal, for the library's connections too, which
// sent the slot of the key as it was.
func TestAUsersTriggerThatChangesTheKey(t *testing.T) {
	for _, name := range []string{"a", "zzz_last", "~", "~~", "ZZZ"} {
		t.Run(name, func(t *testing.T) {
			s := single(t)
			s.exec(ordersDDL + changeKey)
			s.exec(`create trigger "` + name + `" before insert or update of tenant_id on orders for each row execute function change_key()`)
			require.Equal(t, 100, copyRows(t, s.library(s.app), 0))
			s.psql(s.app, "insert into orders values (1000, 1000)")
			s.rightSlots("orders", "tenant_id", 101)
			s.refused(catalog.CodeKeyChanged, "update orders set tenant_id = tenant_id where id = 1")
		})
	}
}

// A trigger that sorts after ours could give a row a key that its slot does not belong to. PostgreSQL has no way for
// an ordinary role to forbid it, so the table is refused: by shard_table, and by every reader when it comes later.
func TestATriggerThatFiresAfterOursTakesTheTableOutOfUse(t *testing.T) {
	for _, name := range []string{"~~~", "~~keyway_9", "ärger", "~~l"} {
		t.Run(name, func(t *testing.T) {
			s := single(t)
			s.exec("create table orders (id bigint not null, tenant_id bigint not null, primary key (tenant_id, id))" + ";" + changeKey)
			trigger := `create trigger "` + name + `" before insert on orders for each row execute function change_key();`
			s.exec(trigger)
			e := s.refused(catalog.CodeRefused, "select keyway.shard_table('orders', 'tenant_id')")
			require.Contains(t, e.Message, "fires after")
			s.exec(e.Hint)
			s.exec("select keyway.shard_table('orders', 'tenant_id'); insert into orders values (1, 1)")
			s.rightSlots("orders", "tenant_id", 1)

			s.exec(trigger)
			r, err := catalog.ReadRegistry(s.ctx(), s.conn)
			require.NoError(t, err)
			require.Empty(t, r.Tables())
			require.ErrorContains(t, r.DriftOf("public", "orders"), "fires after")
		})
	}
}
