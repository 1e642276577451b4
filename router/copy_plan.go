package router

import (
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/shard"
	"github.com/keyway-go/keyway/txn"
)

// copyPlan is what copying into a table needs of each row: where the key is, and what is appended.
type copyPlan struct {
	ident   pgx.Identifier
	table   string   // schema.name, for messages
	columns []string // what is sent: the caller's, then key columns that the scope supplies, then the slot
	given   int      // how many of columns the caller gives

	home shard.ID // of a home table
	kind catalog.Kind

	key     []catalog.KeyColumn
	keyAt   []int // per key column: its place in the caller's row, or -1 when the scope supplies it
	limits  []int // per key column: n of varchar(n), or 0
	scope   shard.Key
	want    shard.ID // the scope's shard, for messages
	addSlot bool

	parts []shard.Key // scratch for composite keys; rows are read by one goroutine
}

func newCopyPlan(
	snap *snapshot, schema string, scope shard.Key, ident pgx.Identifier, columns []string,
) (*copyPlan, error) {
	t, err := copyTable(snap, schema, ident)
	if err != nil {
		return nil, err
	}
	p := &copyPlan{
		ident: pgx.Identifier{t.Schema, t.Name}, table: t.Schema + "." + t.Name,
		columns: slices.Clone(columns), given: len(columns), home: t.Home, kind: t.Kind, scope: scope,
	}
	switch {
	case len(columns) == 0:
		return nil, p.refuse(plan.Arguments, "no columns are given", "name the columns of the rows")
	case t.Kind == catalog.Reference:
		return nil, p.refuse(plan.ReferenceWrite, p.table+" is a reference table, whose rows are the same on every shard",
			"copy into it on each shard with DB.EachShard")
	case t.Kind == catalog.Home:
		return p, nil
	}
	return p, p.shardedColumns(t)
}

func copyTable(snap *snapshot, schema string, ident pgx.Identifier) (*catalog.Table, error) {
	var name string
	switch len(ident) {
	case 1:
		name = ident[0]
	case 2:
		schema, name = ident[0], ident[1]
	default:
		return nil, errors.New(errPrefix + "a table is named by pgx.Identifier{name} or {schema, name}")
	}
	t, ok := snap.registry.Table(schema, name)
	if !ok {
		return nil, &RefusedError{
			Reason: plan.UnknownTable.String(), Table: schema + "." + name, Offset: -1,
			Detail: "table " + schema + "." + name + " is not registered",
			Hint:   "register it with keyway.shard_table, reference_table or home_table, or copy on DB.Shard",
		}
	}
	return t, nil
}

func (p *copyPlan) refuse(r plan.Reason, detail, hint string) error {
	return &RefusedError{
		Reason: r.String(), Table: p.table, Detail: detail, Hint: hint, Offset: -1, noKey: r == plan.NoShardKey,
	}
}

func (p *copyPlan) shardedColumns(t *catalog.Table) error {
	if t.HasSlot && slices.Contains(p.columns, slotColumn) {
		return p.refuse(plan.KeyUpdate, "the column slot is computed from the key", "leave it out of the columns")
	}
	p.key = t.Key
	for i, k := range t.Key {
		at := slices.Index(p.columns, k.Name)
		if at < 0 {
			if p.scope.IsZero() {
				return p.refuse(plan.NoShardKey,
					fmt.Sprintf("the columns have no %s, which is part of the shard key of %s", k.Name, p.table),
					"add it to the columns, or copy with DB.ForKey")
			}
			if p.scope.Len() != len(t.Key) {
				return p.refuse(plan.Arguments, fmt.Sprintf("the key of %s has %d columns and the handle's key %d",
					p.table, len(t.Key), p.scope.Len()), "")
			}
			p.columns = append(p.columns, k.Name)
		}
		if !p.scope.IsZero() && p.scope.Len() == len(t.Key) && !p.scope.Part(i).Is(k.Type) {
			return p.refuse(plan.BadKey, fmt.Sprintf("the handle's key is not a value of %s.%s (%s)", p.table, k.Name, k.Type), "")
		}
		p.keyAt = append(p.keyAt, at)
		c, _ := t.Column(k.Name)
		p.limits = append(p.limits, plan.LengthLimit(c))
	}
	if t.HasSlot {
		p.addSlot = true
		p.columns = append(p.columns, slotColumn)
	}
	return nil
}

// row returns what to send for a row of the caller and its key; the zero Key for a home table. The result does not
// share the caller's slice.
func (p *copyPlan) row(values []any) ([]any, shard.Key, error) {
	if len(values) != p.given {
		return nil, shard.Key{}, wrongLength(len(values), p.given)
	}
	out := make([]any, len(values), len(p.columns))
	copy(out, values)
	if p.kind == catalog.Home {
		return out, shard.Key{}, nil
	}
	key, err := p.keyOf(out)
	if err != nil {
		return nil, shard.Key{}, err
	}
	if !p.scope.IsZero() && key != p.scope {
		return nil, shard.Key{}, &txn.ShardMismatchError{
			Table: p.table, Columns: p.keyNames(), Want: p.want, WantSlot: p.scope.Slot(), GotSlot: key.Slot(),
		}
	}
	for i, at := range p.keyAt {
		if at < 0 {
			out = append(out, p.scope.Part(i).Value())
		}
	}
	if p.addSlot {
		out = append(out, int16(key.Slot()))
	}
	return out, key, nil
}

func (p *copyPlan) keyNames() []string {
	names := make([]string, len(p.key))
	for i, k := range p.key {
		names[i] = k.Name
	}
	return names
}

// keyOf reads the key of a row. What is hashed is also what is sent.
func (p *copyPlan) keyOf(row []any) (shard.Key, error) {
	p.parts = p.parts[:0]
	for i, at := range p.keyAt {
		k, err := p.part(row, i, at)
		if err == nil {
			err = plan.FitsLength(k, p.key[i].Type, p.limits[i])
		}
		if err != nil {
			return k, fmt.Errorf("column %s: %w", p.key[i].Name, err)
		}
		if at < 0 {
			p.parts = append(p.parts, k)
			continue
		}
		switch row[at].(type) {
		case int64, int32, int16, int, string:
		default:
			row[at] = k.Value()
		}
		p.parts = append(p.parts, k)
	}
	if len(p.parts) == 1 {
		return p.parts[0], nil
	}
	return shard.Composite(p.parts...), nil
}

// part reads part i of the key.
func (p *copyPlan) part(row []any, i, at int) (shard.Key, error) {
	if at < 0 {
		return p.scope.Part(i), nil
	}
	return shard.FromValue(row[at], p.key[i].Type)
}

// keyedSource is a source whose rows all go to one place: those of one key, or of a home table.
type keyedSource struct {
	plan *copyPlan
	src  pgx.CopyFromSource
	n    int64
}

// Next implements pgx.CopyFromSource.
func (s *keyedSource) Next() bool { return s.src.Next() }

// Values implements pgx.CopyFromSource.
func (s *keyedSource) Values() ([]any, error) {
	s.n++
	values, err := s.src.Values()
	if err != nil {
		return nil, err
	}
	row, _, err := s.plan.row(values)
	if err != nil {
		return nil, rowError(s.plan.table, s.n, err)
	}
	return row, nil
}

// Err implements pgx.CopyFromSource.
func (s *keyedSource) Err() error { return s.src.Err() }

func wrongLength(values, columns int) error {
	return fmt.Errorf("has %d values for %d columns", values, columns)
}

func rowError(table string, n int64, err error) error {
	return fmt.Errorf("%scopy into %s: row %d: %w", errPrefix, table, n, err)
}
