package router

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/keyway-go/keyway/internal/plan"
)

const defaultPageSize = 50

// PageOptions says which page [Page] reads.
type PageOptions struct {
	// Size is the most rows of a page. Zero means 50; a negative one is refused.
	Size int

	// After is the Next of the page before. Empty means the first page.
	After string

	// Key authenticates cursors with HMAC-SHA256, so that nobody without it can make one. Empty means that they are only
	// checked for being whole and the statement's own. A cursor made with another key, or with none, is refused.
	Key []byte
}

// PageOf is a page of rows.
type PageOf[T any] struct {
	Rows []T // never nil without an error

	// Next is the cursor of the rows after these; empty when there were none. It is text for URLs, of up to four thirds of
	// the values in it: those of the ORDER BY's columns in the last row, which anybody who has the cursor can read.
	Next string
}

// PageReader is a handle that reads pages: [*DB], [*KeyDB] or [*ScatterDB].
type PageReader interface {
	Querier
	pages(ctx context.Context) pageSource
}

// pageSource is what a handle's pages are read from.
type pageSource struct {
	db      *DB
	scope   plan.Scope
	partial bool
}

func (db *DB) pages(ctx context.Context) pageSource {
	if key := contextKey(ctx); !key.IsZero() {
		return pageSource{db: db, scope: plan.Scoped}
	}
	return pageSource{db: db}
}

func (k *KeyDB) pages(context.Context) pageSource { return pageSource{db: k.db, scope: plan.Scoped} }

func (s *ScatterDB) pages(context.Context) pageSource {
	return pageSource{db: s.db, partial: s.opts.partial != nil}
}

// Page reads one page of a query, from one shard or from several, by the place where the page before ended. A shard is
// asked for at most Size+1 rows, however many pages came before. T is as for [Get].
//
// The query is a SELECT of columns and expressions FROM tables and joins, with an ORDER BY of columns in which no two
// rows are equal, which the tables' unique indexes must say; LIMIT, OFFSET, groups, DISTINCT, windows and everything
// else is a [*RefusedError] that says what is missing. NULLs and mixed directions are followed. Make the order's columns
// NOT NULL and give them one direction, and an index of them is entered at the page's first row.
//
// All pages together are the result of the query, when the rows do not change. When they do, a row that is there
// throughout, with the same values in the order's columns, is on exactly one page, also while its slot moves. Each page
// is read in a snapshot of its own.
//
// A cursor fits one text of a statement, one order, and arguments of the same Go types; another one is a [*CursorError].
// It may be used by any process, after a deployment too.
func Page[T any](ctx context.Context, db PageReader, stmt Statement, o PageOptions) (PageOf[T], error) {
	p, err := newPaging(ctx, db, stmt, o)
	if err != nil {
		return PageOf[T]{}, err
	}
	rows, err := p.query(ctx, db)
	if err != nil {
		return PageOf[T]{}, err
	}
	defer rows.Close()
	page := PageOf[T]{Rows: []T{}}
	var scan scanner[T]
	for rows.Next() {
		v, err := scan.row(rows)
		if err != nil {
			return PageOf[T]{}, err
		}
		if err := p.step(rows); err != nil {
			return PageOf[T]{}, err
		}
		if len(page.Rows) < p.size {
			page.Rows = append(page.Rows, v)
		}
	}
	if err := rows.Err(); err != nil {
		return PageOf[T]{}, err
	}
	page.Next, err = p.next()
	return page, err
}

// paging is one page on its way.
type paging struct {
	plan   *plan.Page
	sql    string
	args   []any
	size   int
	cursor cursorCoder
	after  []*string

	n    int       // rows read
	last []*string // the place of the page's last row
	more bool
}

func newPaging(ctx context.Context, db PageReader, stmt Statement, o PageOptions) (*paging, error) {
	sql, args, err := stmt.ToSql()
	if err != nil {
		return nil, err
	}
	from := db.pages(ctx)
	p := &paging{sql: sql, args: slices.Clone(args), size: o.Size}
	switch {
	case p.size == 0:
		p.size = defaultPageSize
	case p.size < 0 || p.size >= math.MaxInt32:
		return nil, p.refuse("the size of a page is negative or too large")
	}
	if from.partial {
		return nil, p.refuse("rows of a shard that Partial goes on without would be on no page")
	}
	if err := p.named(ctx); err != nil {
		return nil, err
	}
	if p.plan, err = from.plan(ctx, p.sql); err != nil {
		return nil, err
	}
	if p.plan.Params() != len(p.args) {
		return nil, p.refuse(fmt.Sprintf("the statement has %d parameters and %d arguments", p.plan.Params(), len(p.args)))
	}
	p.cursor = newCursorCoder(p.sql, p.args, p.plan, from.scope, o.Key)
	if o.After != "" {
		p.after, err = p.cursor.decode(o.After)
	}
	return p, err
}

func (p *paging) refuse(detail string) error {
	return &RefusedError{Reason: plan.Arguments.String(), Offset: -1, Detail: detail}
}

// named gives named arguments positions, behind which those of the page follow.
func (p *paging) named(ctx context.Context) error {
	if len(p.args) == 0 {
		return nil
	}
	c := call{ctx: ctx, sql: p.sql, args: p.args}
	if err := c.options(); err != nil {
		return err
	}
	p.sql, p.args = c.sql, slices.Clone(c.args)
	return nil
}

// query asks for one row more than the page has, which tells whether there is another page.
func (p *paging) query(ctx context.Context, db Querier) (*pageRows, error) {
	text, more := p.plan.Text(p.size+1, p.after)
	rows, err := db.Query(observedAs(ctx, p.sql), text, append(p.args, more...)...)
	if err != nil {
		return nil, p.original(err)
	}
	return &pageRows{Rows: rows}, nil
}

// original gives a refusal without the place in the text, which is not the caller's text.
func (p *paging) original(err error) error {
	if r, ok := errors.AsType[*RefusedError](err); ok {
		r.Offset, r.Caret = -1, ""
	}
	return err
}

// step follows the place of the rows. Two rows of one place mean that the order is not total whatever the indexes of the
// shard that was asked say; the row behind the page is looked at too, so no page ends between such rows.
func (p *paging) step(rows *pageRows) error {
	place := rows.place
	if len(place) != len(p.plan.Order) {
		return fmt.Errorf("bug: %sa page's row has no place", errPrefix)
	}
	for i := range place {
		if !p.plan.Order[i].Printed(place[i]) {
			return fmt.Errorf("%sthe server prints %s in a way that another may read otherwise; set DateStyle to ISO, "+
				"IntervalStyle to postgres and extra_float_digits to 1", errPrefix, p.plan.Order[i].Text)
		}
	}
	if p.n > 0 && slices.EqualFunc(place, p.last, sameText) {
		return &RefusedError{
			Reason: plan.NotTotal.String(), Offset: -1, Detail: "two rows have the same place in this ORDER BY, although a unique index says otherwise",
			Hint: "look for a shard without the unique index, or add columns to the ORDER BY",
		}
	}
	if p.n++; p.n > p.size {
		p.more = true
		return nil
	}
	p.last = place
	return nil
}

func sameText(a, b *string) bool { return a == nil && b == nil || a != nil && b != nil && *a == *b }

func (p *paging) next() (string, error) {
	if !p.more {
		return "", nil
	}
	return p.cursor.encode(p.last), nil
}

// pageRows are rows without their last column, which is the place of the row.
type pageRows struct {
	pgx.Rows
	place []*string // of the row scanned last
}

// FieldDescriptions implements pgx.Rows.
func (r *pageRows) FieldDescriptions() []pgconn.FieldDescription {
	fields := r.Rows.FieldDescriptions()
	return fields[:max(len(fields)-1, 0)]
}

// Scan implements pgx.Rows.
func (r *pageRows) Scan(dest ...any) error {
	r.place = nil
	return r.Rows.Scan(append(slices.Clone(dest), &r.place)...)
}

// plan reads the statement by the current registry, after another look at it when a name is not in it.
func (s pageSource) plan(ctx context.Context, sql string) (*plan.Page, error) {
	if err := s.db.open(); err != nil {
		return nil, err
	}
	snap := s.db.current.Load()
	p, err := s.planBy(ctx, snap, sql)
	if err == nil || !unknownName(err) {
		return p, err
	}
	if s.db.loader.relearn(ctx) != nil || s.db.current.Load().registry.Version == snap.registry.Version {
		return nil, err
	}
	return s.planBy(ctx, s.db.current.Load(), sql)
}

func (s pageSource) planBy(ctx context.Context, snap *snapshot, sql string) (*plan.Page, error) {
	p, err := s.db.plans.Page(sql, snap.registry, s.db.schema, s.scope)
	if err != nil {
		return nil, explainDrift(snap.registry, refused(sql, err))
	}
	if p.Proven() {
		return p, nil
	}
	if err := s.total(ctx, snap, p); err != nil {
		return nil, refused(sql, err)
	}
	return p, nil
}

var _ = []PageReader{(*DB)(nil), (*KeyDB)(nil), (*ScatterDB)(nil)}
