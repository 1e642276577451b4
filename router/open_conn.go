package router

import (
	"context"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/shard"
)

// minServer is the oldest PostgreSQL that the keyway schema runs on.
const minServer = 15

// checkConn verifies one new connection: the server's version, the settings that statements are read by, and who the
// database is. The cluster's id is known after Open's first look.
//
// Behind a pooler it verifies one of the backends that the connection may meet. Who they are holds for all, because a
// pooler takes them from one database of one server for one role; only a pooler whose own configuration changes under
// way, which drops its clients, leads elsewhere. Their settings are those of the role, as long as no other client of the
// role changes them for its session; the loader looks again and again.
func (db *DB) checkConn(ctx context.Context, n *node, conn *pgx.Conn) error {
	if err := checkVersion(conn); err != nil {
		return err
	}
	if err := db.cfg.checkSettings(ctx, conn); err != nil {
		return err
	}
	d, err := readDialect(ctx, conn)
	if err != nil {
		return err
	}
	n.dialect.Store(d)
	conn.PgConn().CustomData()[dialectName] = d
	id, err := catalog.ReadIdentity(ctx, conn)
	if err != nil {
		return err
	}
	if err := n.isIdentity(id); err != nil {
		return err
	}
	if want := db.cluster.Load(); want != nil && id.ClusterID != *want {
		return n.identityError("its database belongs to cluster %s, and the other shards to cluster %s", id.ClusterID, *want)
	}
	return nil
}

// checkVersion refuses servers before PostgreSQL 15. The version may be "15.18 (Debian ...)", "18beta1" or "19devel".
func checkVersion(conn *pgx.Conn) error {
	version := conn.PgConn().ParameterStatus("server_version")
	if major, err := strconv.Atoi(leadingDigits(version)); err != nil || major < minServer {
		return &catalog.ServerVersionError{Version: version}
	}
	return nil
}

func leadingDigits(s string) string {
	end := 0
	for end < len(s) && isDigit(s[end]) {
		end++
	}
	return s[:end]
}

func (n *node) identityError(format string, args ...any) *IdentityError {
	return &IdentityError{Shard: n.id, Instance: n.instance, Detail: fmt.Sprintf(format, args...)}
}

// isIdentity compares who the database says it is with who the configuration says.
func (n *node) isIdentity(id catalog.Identity) error {
	if id.Shard != n.id {
		return n.identityError("its address answers as shard %s; two addresses are swapped, or one points at the wrong "+
			"database (%s)", id.Shard, n.database)
	}
	if want := shard.Fingerprint(id.ClusterID); id.Fingerprint != want {
		return n.identityError("its rows were placed by another rule (%q) than this library's (%q)", id.Fingerprint, want)
	}
	return nil
}
