package catalog

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Roles are the roles that Install grants rights to.
type Roles struct {
	// App are the roles the services connect as. They may read the identity, the map and the registry, nothing else.
	App []string
}

// Install creates the keyway schema or upgrades it.
func Install(ctx context.Context, conn *pgx.Conn, id Identity, roles Roles) error {
	return ErrNotInitialised
}

// Stub is SQL that gives a plain development database no-op functions of the same names.
const Stub = ``

// Schema returns the SQL of the whole schema.
func Schema() string { return "" }
