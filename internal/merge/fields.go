package merge

import (
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
)

// FirstUserDefined is the first oid that differs between databases (FirstNormalObjectId of PostgreSQL's access/transam.h).
const FirstUserDefined = 16384

// difference says why rows of columns b cannot stand among rows of columns a, or "". Type modifiers may differ, as they
// do while a column is widened shard by shard: they do not change how a value is written.
func difference(a, b []pgconn.FieldDescription, types func(oidA, oidB uint32) string) string {
	if len(a) != len(b) {
		return fmt.Sprintf("%d columns and %d", len(a), len(b))
	}
	for i := range a {
		what := types(a[i].DataTypeOID, b[i].DataTypeOID)
		switch {
		case a[i].Name != b[i].Name:
			return fmt.Sprintf("column %d is %q and %q", i+1, a[i].Name, b[i].Name)
		case what != "":
			return fmt.Sprintf("column %q has %s", a[i].Name, what)
		case a[i].Format != b[i].Format:
			return fmt.Sprintf("column %q comes in formats %d and %d", a[i].Name, a[i].Format, b[i].Format)
		}
	}
	return ""
}
