package catalog_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/catalog"
)

func TestQuick(t *testing.T) {
	s := single(t)
	s.exec("create table orders (id bigint, tenant_id int not null, primary key (tenant_id, id)); insert into orders select i, i from generate_series(1,100) i; select keyway.shard_table('orders', 'tenant_id')")
	s.rightSlots("orders", "tenant_id", 100)
	r, err := catalog.ReadRegistry(s.ctx(), s.conn)
	require.NoError(t, err)
	require.Empty(t, r.Drift())
	require.Len(t, r.Tables(), 1)
	t.Logf("%+v", r.Tables()[0])
}
