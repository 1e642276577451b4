package router

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/keyway-go/keyway/internal/pgerr"
	"github.com/keyway-go/keyway/pool"
	"github.com/keyway-go/keyway/shard"
)

// misfitTime is how long a COPY that has failed may take to find out which column it was.
const misfitTime = time.Second

// copyRow is a row with its number in the source, from 1.
type copyRow struct {
	number int64
	slot   shard.Slot // set by CopyInParts
	values []any
}

// copyRows is a source of rows that are here.
type copyRows struct {
	rows []copyRow
	next int
}

// Next implements pgx.CopyFromSource.
func (s *copyRows) Next() bool {
	s.next++
	return s.next <= len(s.rows)
}

// Values implements pgx.CopyFromSource.
func (s *copyRows) Values() ([]any, error) { return s.rows[s.next-1].values, nil }

// Err implements pgx.CopyFromSource.
func (s *copyRows) Err() error { return nil }

// valueError says which value pgx could not encode. What pgx says of it, to the server too, quotes the value.
type valueError struct {
	row    int64
	column string // "" is not known
	err    error
}

func (e *valueError) Error() string {
	if e.column == "" {
		return fmt.Sprintf("COPY was given up: a value of row %d does not fit the type of its column", e.row)
	}
	return fmt.Sprintf("COPY was given up: in row %d the value of column %s does not fit its type", e.row, e.column)
}

func (e *valueError) Unwrap() error { return e.err }

// isMisfit reports whether a COPY failed because pgx could not encode a value. The server gives back what pgx told it, as a
// cancelled query.
func isMisfit(err error) bool {
	return pgerr.Code(err) == pgerr.QueryCanceled && strings.Contains(err.Error(), "COPY")
}

// failure is shardError for a COPY from s.
func (s *quietSource) failure(ctx context.Context, n *node, p *copyPlan, err error) error {
	if s.ended || !isMisfit(err) {
		return shardError(n.id, err)
	}
	ctx, cancel := context.WithTimeout(ctx, misfitTime)
	defer cancel()
	conn, busy := n.db.Acquire(as(ctx, pool.Batch))
	if busy != nil {
		return &ShardError{Shard: n.id, Err: &valueError{row: s.number(), err: err}}
	}
	defer conn.Release()
	return s.failureOn(ctx, conn, n, p.ident, p.columns, err)
}

// failureOn is failure with a connection at hand.
func (s *quietSource) failureOn(ctx context.Context, conn *pool.Conn, n *node, table pgx.Identifier, columns []string, err error) error {
	if s.ended || !isMisfit(err) {
		return shardError(n.id, err)
	}
	if len(s.last) != len(columns) {
		return rowError(strings.Join(table, "."), s.number(), wrongLength(len(s.last), len(columns)))
	}
	ctx, cancel := context.WithTimeout(ctx, misfitTime)
	defer cancel()
	column := misfitColumn(ctx, conn.Conn(), table, columns, s.last)
	return &ShardError{Shard: n.id, Err: &valueError{row: s.number(), column: column, err: err}}
}

// number is that of the row whose values were given last.
func (s *quietSource) number() int64 {
	if held, ok := s.CopyFromSource.(*copyRows); ok {
		return held.rows[held.next-1].number
	}
	return s.n
}

// findMisfits completes the errors of streams that a value has ended, on the connections that were rolled back.
func (c *copyRun) findMisfits(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, misfitTime)
	defer cancel()
	for _, s := range c.streams {
		if s.misfit != nil && !s.broken {
			s.misfit.column = misfitColumn(ctx, s.conn.Conn(), c.plan.ident, c.plan.columns, s.now[s.next].values)
		}
	}
}

// misfitColumn finds the column whose value pgx cannot encode for COPY; "" when it cannot be found.
func misfitColumn(ctx context.Context, conn *pgx.Conn, table pgx.Identifier, columns []string, values []any) string {
	names := make([]string, len(columns))
	for i, name := range columns {
		names[i] = pgx.Identifier{name}.Sanitize()
	}
	types, err := conn.Prepare(ctx, "", "select "+strings.Join(names, ", ")+" from "+table.Sanitize())
	if err != nil || len(types.Fields) != len(values) {
		return ""
	}
	for i, v := range values {
		if !encodable(conn.TypeMap(), types.Fields[i].DataTypeOID, v) {
			return columns[i]
		}
	}
	return ""
}

// encodable reports whether pgx can send v in a COPY: in binary, or read from its text.
func encodable(m *pgtype.Map, oid uint32, v any) bool {
	if _, err := m.Encode(oid, pgtype.BinaryFormatCode, v, nil); err == nil {
		return true
	}
	s, ok := v.(string)
	if !ok {
		return false
	}
	var read any
	if m.Scan(oid, pgtype.TextFormatCode, []byte(s), &read) != nil {
		return false
	}
	_, err := m.Encode(oid, pgtype.BinaryFormatCode, read, nil)
	return err == nil
}
