package router_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestARefusalThatTookLongIsTriedAgain: the second attempt takes all of the time that a move's pause is given, as one
// does that waits for the move's own locks.
func TestARefusalThatTookLongIsTriedAgain(t *testing.T) {
	t.Parallel()
	f, db := opened(t, 1)
	_, err := f.migrator("s0").Exec(f.ctx(), `
		create sequence attempts;
		create function refuse_twice() returns trigger language plpgsql security definer as $$
		declare n bigint := nextval('public.attempts');
		begin
			if n = 2 then perform pg_sleep(2.1); end if;
			if n <= 2 then raise exception 'not owned' using errcode = 'KW001'; end if;
			return new;
		end $$;
		create trigger refuse_twice before insert on orders for each row execute function refuse_twice()`)
	require.NoError(t, err)
	_, err = db.Exec(t.Context(), "insert into orders (tenant_id, id) values ($1, $2)", 1, 1)
	require.NoError(t, err)
}
