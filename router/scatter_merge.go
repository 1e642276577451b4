package router

import (
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/keyway-go/keyway/internal/merge"
	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/pool"
)

// blamedError is an error on the way to a shard.
type blamedError struct {
	node *node
	err  error
}

func (e *blamedError) Error() string { return e.err.Error() }
func (e *blamedError) Unwrap() error { return e.err }

// acquire takes connections to all shards at once, or none. Where the process may never have so many, the shards are
// read in waves and each connection is taken when its turn comes: nobody then holds one and waits for another.
func (r *scatterRows) acquire(parts []share) (*gather, error) {
	g := r.newGather(parts)
	if r.opts.inTurns(len(parts)) {
		g.wave = r.opts.conns
		return g, nil
	}
	databases := make([]*pool.Database, len(parts))
	for i, p := range parts {
		databases[i] = p.db
	}
	conns, err := pool.AcquireMany(as(r.ctx, pool.Scatter), databases...)
	var many *pool.TooManyError
	switch {
	case errors.As(err, &many) && many.Lendable > 0:
		g.wave = many.Lendable
		return g, nil
	case err != nil:
		return nil, &blamedError{blame(parts, err), err}
	}
	for i, c := range conns {
		g.inputs[i].conn.Store(c)
	}
	return g, nil
}

// blame finds the shard whose connection could not be had; nil when err does not say.
func blame(parts []share, err error) *node {
	var connect *pool.ConnectError
	var timeout *pool.AcquireTimeoutError
	var instance, database string
	switch {
	case errors.As(err, &connect):
		instance, database = connect.Instance, connect.Database
	case errors.As(err, &timeout):
		instance, database = timeout.Instance, timeout.Database
	}
	for _, p := range parts {
		if p.instance == instance && p.database == database {
			return p.node
		}
	}
	return nil
}

// merged brings the rows of all shards together as the plan says.
func (r *scatterRows) merged() (pgx.Rows, error) {
	opt := merge.Options{
		Wave: r.gather.wave, Together: r.gather.wave == 0, First: r.gather.sentFirst(), Budget: r.opts.budget,
		CompareTypes: r.gather.compareTypes,
	}
	how := r.scatter.Combine
	if how != plan.Concat && (r.byServer || needsServer(r.scatter)) {
		how = plan.Finished
	}
	var folds []merge.FoldColumn
	if how == plan.Folded {
		folds = r.folds()
	}
	if cut := r.binding.CutTo(len(r.gather.inputs)); cut > 0 && how == plan.Ordered && opt.Together && !r.whole && r.scatter.Cuts.Next() {
		r.binding.Cut = cut
	}
	r.gather.write()
	if how == plan.Finished {
		return r.finished(opt)
	}
	inputs := r.gather.mergeInputs()
	if how == plan.Folded {
		return merge.Fold(r.ctx, inputs, folds, opt), nil
	}
	opt.Hidden, opt.WithTies, opt.Offset, opt.Cut = r.scatter.Hidden, r.scatter.Ties, r.binding.Offset, r.binding.Cut
	if r.binding.Limit >= 0 {
		opt.Limit = merge.AtMost(r.binding.Limit)
	}
	if how == plan.Ordered {
		return merge.Ordered(r.ctx, inputs, r.order(), opt), nil
	}
	return merge.Concat(r.ctx, inputs, opt), nil
}

// needsServer reports whether it is known that a server must finish a statement that the plan would merge: the types
// turned out so, or the order is by a named collation that is not that of bytes.
func needsServer(s *plan.Scatter) bool {
	return s.ByServer.Load() || s.Combine == plan.Ordered && slices.ContainsFunc(s.Order, func(k plan.SortKey) bool {
		return k.CollationKnown && k.Collation != "" && !slices.Contains(bytewiseNames, k.Collation)
	})
}

// order is the plan's as the merge takes it.
func (r *scatterRows) order() []merge.SortColumn {
	order := make([]merge.SortColumn, len(r.scatter.Order))
	for i, k := range r.scatter.Order {
		order[i] = merge.SortColumn{
			Index: k.Column, Desc: k.Desc, NullsFirst: k.NullsFirst, Bytewise: r.bytewise(k.CollationKnown, k.Collation),
		}
	}
	return order
}

// bytewiseNames are collations that sort by bytes, whoever made them: the first three exist in every database, before
// any of the same name in another schema.
var bytewiseNames = []string{
	`"C"`, `"POSIX"`, `ucs_basic`, `"ucs_basic"`, `pg_catalog."C"`, `pg_catalog."POSIX"`, `pg_catalog.ucs_basic`,
	`pg_catalog."ucs_basic"`, `pg_catalog.pg_c_utf8`, `pg_catalog."pg_c_utf8"`, `pg_catalog."C.utf8"`, `pg_catalog."C.UTF-8"`,
}

func (r *scatterRows) bytewise(known bool, collation string) bool {
	switch {
	case !known:
		return false
	case collation == "":
		d := r.gather.inputs[0].dialect.Load()
		return d != nil && d.bytewise()
	default:
		return slices.Contains(bytewiseNames, collation)
	}
}

var aggregates = map[plan.Fold]merge.Aggregate{
	plan.FoldCount: merge.Count, plan.FoldSum: merge.Sum, plan.FoldMin: merge.Min, plan.FoldMax: merge.Max, plan.FoldAnd: merge.And,
	plan.FoldOr: merge.Or, plan.FoldBitAnd: merge.BitAnd, plan.FoldBitOr: merge.BitOr, plan.FoldBitXor: merge.BitXor,
}

func (r *scatterRows) folds() []merge.FoldColumn {
	folds := make([]merge.FoldColumn, len(r.scatter.Folds))
	for i, f := range r.scatter.Folds {
		folds[i] = merge.FoldColumn{
			Aggregate: aggregates[f.Fold], Of: merge.SortColumn{Bytewise: r.bytewise(f.CollationKnown, f.Collation)},
		}
	}
	return folds
}

// finished lets the first shard's server compute the rest of the statement over the rows of all.
func (r *scatterRows) finished(opt merge.Options) (pgx.Rows, error) {
	r.gather.asText = true
	first := &r.gather.inputs[0]
	rows, err := merge.Collect(r.ctx, r.gather.mergeInputs(), opt)
	if errors.Is(err, merge.ErrNotCollectable) {
		return nil, &RefusedError{
			Reason: plan.Inexact.String(), Offset: -1,
			Detail: "a row without a type of its own cannot be read back by the server that finishes the statement",
			Hint:   "write its fields as columns; where it is only shown, row_to_json(x)",
		}
	}
	if err != nil {
		return nil, err
	}
	fields := rows.FieldDescriptions()
	columns := make([]plan.ResultColumn, len(fields))
	for i, f := range fields {
		columns[i] = plan.ResultColumn{Name: f.Name, Type: f.DataTypeOID}
	}
	final, err := r.scatter.Final(columns)
	if err != nil {
		return nil, refused(r.sql, err)
	}
	conn, err := first.db.Acquire(as(r.ctx, pool.Scatter))
	if err != nil {
		return nil, &blamedError{first.node, err}
	}
	handed := false
	defer func() { // also when an argument's own code panics
		if !handed {
			conn.Release()
		}
	}()
	if err := first.speaks(r.gather.dialect, conn); err != nil {
		return nil, err
	}
	got, err := rows.Finish(r.ctx, conn, &first.types.written, template(final), r.binding.FinalArgs(r.now)...)
	if err != nil {
		return nil, &blamedError{first.node, err}
	}
	handed = true
	return &finishedRows{Rows: got, node: first.node, conn: conn}, nil
}

// finishedRows are those of the finishing statement; their errors name the shard it runs on. They give the connection
// back.
type finishedRows struct {
	pgx.Rows
	node *node
	conn *pool.Conn

	// fields are set with done. Until then they are in the connection, which then reads other statements' into the same place.
	fields []pgconn.FieldDescription
	done   bool
}

// Next implements pgx.Rows.
func (r *finishedRows) Next() bool {
	if r.Rows.Next() {
		return true
	}
	r.release()
	return false
}

// Close implements pgx.Rows.
func (r *finishedRows) Close() {
	r.Rows.Close()
	r.release()
}

func (r *finishedRows) release() {
	if r.done {
		return
	}
	r.fields, r.done = slices.Clone(r.Rows.FieldDescriptions()), true
	r.conn.Release()
}

// FieldDescriptions implements pgx.Rows. They stay when the rows are closed.
func (r *finishedRows) FieldDescriptions() []pgconn.FieldDescription {
	if r.done {
		return r.fields
	}
	return r.Rows.FieldDescriptions()
}

// Err implements pgx.Rows.
func (r *finishedRows) Err() error {
	if err := r.Rows.Err(); err != nil {
		return &blamedError{r.node, err}
	}
	return nil
}

func template(f *plan.Final) merge.Template {
	t := merge.Template{Collations: f.Collations, Pieces: make([]merge.Piece, len(f.Pieces))}
	for i, p := range f.Pieces {
		switch p.Kind {
		case plan.FinalColumn:
			t.Pieces[i] = merge.Column(p.Index)
		case plan.FinalParam:
			t.Pieces[i] = merge.Param(p.Index)
		case plan.FinalFrom:
			t.Pieces[i] = merge.From()
		default:
			t.Pieces[i] = merge.Text(p.Text)
		}
	}
	return t
}
