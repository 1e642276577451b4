package merge

import (
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
)

// difference says why rows of columns b cannot stand among rows of columns a, or "". Type modifiers may differ, as they
// do while a column is widened shard by shard: they do not change how a value is written.
func difference(a, b []pgconn.FieldDescription, sameType func(oidA, oidB uint32) bool) string {
	if len(a) != len(b) {
		return fmt.Sprintf("%d columns and %d", len(a), len(b))
	}
	for i := range a {
		switch {
		case a[i].Name != b[i].Name:
			return fmt.Sprintf("column %d is %q and %q", i+1, a[i].Name, b[i].Name)
		case a[i].DataTypeOID != b[i].DataTypeOID && !sameType(a[i].DataTypeOID, b[i].DataTypeOID):
			return fmt.Sprintf("column %q has the types with oid %d and %d", a[i].Name, a[i].DataTypeOID, b[i].DataTypeOID)
		case a[i].Format != b[i].Format:
			return fmt.Sprintf("column %q comes in formats %d and %d", a[i].Name, a[i].Format, b[i].Format)
		}
	}
	return ""
}
