package merge

import (
	"fmt"
	"slices"

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

// describe compares the columns of the inputs that have answered. Those of the first input are the ones given out, since
// its types decode the values.
func (r *Rows) describe(p *pump, src Source) error {
	fields := src.FieldDescriptions()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.described >= 0 {
		if what := difference(r.fields, fields, r.compareTypes(p.index)); what != "" {
			return &MismatchError{ShardA: r.pumps[r.described].in.Shard(), ShardB: p.in.Shard(), What: what}
		}
		for i := range fields {
			if fields[i].TypeModifier != r.fields[i].TypeModifier {
				r.widened = append(r.widened, i)
			}
		}
	}
	if r.described < 0 || p.index == 0 {
		// A copy: pgx keeps them in the connection's buffer.
		r.fields, r.described = slices.Clone(fields), p.index
	}
	if p.index == 0 {
		if r.types == nil {
			r.types = src.TypeMap()
		}
	}
	r.silent--
	switch {
	case r.opt.Together && r.silent == 0:
		close(r.known)
	case !r.opt.Together && p.index == 0:
		close(r.known)
		r.spread()
	}
	return nil
}

// compareTypes says what differs between a type of the described input and one of another, or "".
func (r *Rows) compareTypes(b int) func(oidA, oidB uint32) string {
	return func(oidA, oidB uint32) string {
		switch {
		case oidA == oidB && (r.opt.CompareTypes == nil || oidA < FirstUserDefined):
			return ""
		case r.opt.CompareTypes == nil || oidA < FirstUserDefined || oidB < FirstUserDefined:
			return fmt.Sprintf("the types with oid %d and %d", oidA, oidB)
		default:
			return r.opt.CompareTypes(r.described, oidA, b, oidB)
		}
	}
}

// awaitFields is false when the merge stopped before the first input had columns.
func (r *Rows) awaitFields() bool {
	select {
	case <-r.known:
		return true
	default:
	}
	if r.late != nil {
		r.work(true)
	}
	select {
	case <-r.known:
	case <-r.stop:
	}
	select {
	case <-r.known:
		return true
	default:
		return false
	}
}
