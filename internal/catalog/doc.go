// Package catalog is the "keyway" schema that every shard's database holds: who this database is, which slots belong
// to which shard, which tables are sharded and how, and the triggers that keep each row's slot right whoever writes it.
//
// The schema is SQL (the files under sql/), installed and upgraded by [Install] with the rights of an ordinary role
// that owns the database's tables. The Go side reads it: [ReadIdentity], [ReadMap] and [ReadRegistry] each in one
// round trip, and writes the map: [StoreMap] on a shard, [SwapMap] in the catalog database.
//
// Tables are registered by the user's own migrations, in SQL: select keyway.shard_table('orders', 'tenant_id').
package catalog

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// SchemaVersion is the version of the keyway schema that this library installs and reads.
const SchemaVersion = 3

// ClientSetting is the setting that library connections send as a start-up parameter with the value "1", so that an
// operator can tell them from psql and other clients. Nothing depends on it, and a pooler may drop it: the triggers
// compute the slot of every row themselves, whoever sends it.
const ClientSetting = "keyway.client"

// MapChannel is the channel on which a database notifies that its map changed; the payload is the new version.
const MapChannel = "keyway_map"

// RegistryChannel is the channel on which a database notifies that a table was registered, changed or unregistered.
// Altered columns are not notified: PostgreSQL offers that to superusers only. Poll [ReadRegistry] for them.
const RegistryChannel = "keyway_registry"

// Querier is what reading needs: a *pgx.Conn, a pgx.Tx or a pool.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}
