package catalog

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/keyway-go/keyway/shard"
)

// Identity says which database this is. It is written once, by [Install], and compared whenever a cluster is opened,
// so that a swapped or mispointed address is refused.
type Identity struct {
	ClusterID     string   // 16 lower-case hexadecimal digits; see [NewClusterID]
	Shard         shard.ID // which shard of the cluster this database is
	Fingerprint   string   // [shard.Fingerprint] of the cluster; empty for Install means just that
	SchemaVersion int      // of the keyway schema; ignored by Install
	Catalog       shard.ID // the shard whose database holds the map that counts
}

// NewClusterID returns a random cluster id of 64 bits.
func NewClusterID() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// normalise fills the fingerprint in and refuses an identity that no database can have.
func (id Identity) normalise() (Identity, error) {
	b, err := hex.DecodeString(id.ClusterID)
	if err != nil || len(b) != 8 || hex.EncodeToString(b) != id.ClusterID {
		return id, fmt.Errorf("catalog: the cluster id %q is not 16 lower-case hexadecimal digits", id.ClusterID)
	}
	for _, s := range []shard.ID{id.Shard, id.Catalog} {
		if err := s.Validate(); err != nil {
			return id, err
		}
	}
	want := shard.Fingerprint(id.ClusterID)
	if id.Fingerprint == "" {
		id.Fingerprint = want
	}
	if id.Fingerprint != want {
		return id, fmt.Errorf("catalog: this library places keys by %q, and the identity says %q", want, id.Fingerprint)
	}
	id.SchemaVersion = 0
	return id, nil
}

// errNoIdentity is met inside Install only: the schema is there and the identity not yet.
var errNoIdentity = errors.New("catalog: the keyway schema says nothing about which database this is")

// ReadIdentity returns who the database says it is, in one round trip. It returns [ErrNotInitialised] when there is no
// keyway schema, and a [*NewerError] or [*OlderError] together with the identity when the schema's version is not
// [SchemaVersion].
func ReadIdentity(ctx context.Context, q Querier) (Identity, error) {
	const sql = `select cluster_id, shard, fingerprint, catalog, (select max(version) from keyway.schema_version)
from keyway.identity`
	var id Identity
	err := q.QueryRow(ctx, sql, pgx.QueryExecModeSimpleProtocol).
		Scan(&id.ClusterID, &id.Shard, &id.Fingerprint, &id.Catalog, &id.SchemaVersion)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return Identity{}, errNoIdentity
	case err != nil:
		return Identity{}, readError("identity", err)
	case id.SchemaVersion > SchemaVersion:
		return id, &NewerError{Have: id.SchemaVersion, Know: SchemaVersion}
	case id.SchemaVersion < SchemaVersion:
		return id, &OlderError{Have: id.SchemaVersion, Want: SchemaVersion}
	}
	return id, nil
}

// readError says what a failed read of the schema means for whoever operates the cluster.
func readError(what string, err error) error {
	var pgErr *pgconn.PgError
	switch {
	case noSchema(err):
		return fmt.Errorf("%w (%w)", ErrNotInitialised, err)
	case errors.As(err, &pgErr) && pgErr.Code == "42501":
		return fmt.Errorf("catalog: read the %s: the role has no right on the keyway schema; "+
			"name it among the application's roles and run `keyway init` again: %w", what, err)
	}
	return fmt.Errorf("catalog: read the %s: %w", what, err)
}

// noSchema reports whether err says that the schema, or what a reader needs of it, is not there.
func noSchema(err error) bool {
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) {
		return false
	}
	switch pgErr.Code {
	case "3F000", "42P01", "42703", "42883": // no such schema, table, column, function
		return true
	}
	return false
}
