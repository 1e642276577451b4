package router

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/keyway-go/keyway/internal/pgerr"
	"github.com/keyway-go/keyway/internal/plan"
)

// kept are the statements that one connection keeps prepared for reads over several shards: the latest texts. Only the
// holder of the connection touches it.
//
// pgx's own way keeps statements too, but waits for the first row before it returns, so that a goroutine could not send to
// one server after the other.
type kept struct {
	none    bool // connections like this one keep nothing
	builder pgx.ExtendedQueryBuilder
	keys    []byte // the array of keys that the builder's parameters point into
	texts   map[string]*keptText
	uses    uint64
	batch   pgconn.Batch // the one on its way
}

type keptText struct {
	name    string
	sd      *pgconn.StatementDescription
	formats []int16
	used    uint64 // kept.uses at that time
	doubted bool   // it failed; it must be prepared anew
}

const (
	keptName  = "keyway.scatter" // in the connection's custom data
	mostTexts = 128              // of one connection; beyond it the one that was not used for longest is given up
)

var textFormat = []int16{pgx.TextFormatCode}

// keptBy returns nil where statements are not kept by name, as behind a pooler that changes backends, and where a tracer
// wants to see what pgx sends.
func keptBy(conn *pgx.Conn) *kept {
	data := conn.PgConn().CustomData()
	k, ok := data[keptName].(*kept)
	if !ok {
		cc := conn.Config()
		k = &kept{
			none:  cc.DefaultQueryExecMode != pgx.QueryExecModeCacheStatement || cc.StatementCacheCapacity <= 0 || cc.Tracer != nil,
			texts: map[string]*keptText{},
		}
		data[keptName] = k
	}
	if k.none {
		return nil
	}
	return k
}

// ready reports whether nothing has to be sent before the statement.
func (k *kept) ready(conn *pgx.Conn, in *input) bool {
	t := k.texts[in.text]
	if t == nil || t.doubted || in.unnamed(t.sd.Fields) != nil {
		return false
	}
	sd, err := conn.Prepare(noTime, t.name, in.text)
	return err == nil && sd == t.sd
}

// noTime has pgx prepare what it knows to be prepared, and nothing else.
var noTime = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// fill makes the batch of one read. Nothing is sent for it but what has to be prepared.
func (k *kept) fill(ctx context.Context, conn *pgx.Conn, in *input) (*keptText, error) {
	t, err := k.text(ctx, conn, in.text)
	if err != nil {
		return nil, err
	}
	if _, err := in.learnTypes(ctx, conn, t.sd.Fields); err != nil {
		return nil, err
	}
	if err := k.encode(conn.TypeMap(), t.sd, in.args); err != nil {
		return nil, fmt.Errorf("error preprocessing batch (build): %w", err)
	}
	formats := t.formats
	if in.of.asText {
		formats = textFormat
	}
	k.batch = pgconn.Batch{}
	k.batch.ExecStatement(t.sd, k.builder.ParamValues, k.builder.ParamFormats, formats)
	return t, nil
}

// encode makes the parameters of args, which are as before when it returns.
func (k *kept) encode(types *pgtype.Map, sd *pgconn.StatementDescription, args []any) error {
	at := slices.IndexFunc(args, isKeyArray)
	if at < 0 || len(args) != len(sd.ParamOIDs) {
		return k.builder.Build(types, sd, args)
	}
	keys := args[at].(plan.KeyArray)
	defer func() { args[at] = keys }()
	var ok bool
	if k.keys, ok = keys.AppendBinary(k.keys[:0], sd.ParamOIDs[at]); !ok {
		args[at] = keys.Text()
		return k.builder.Build(types, sd, args)
	}
	args[at] = nil
	err := k.builder.Build(types, sd, args)
	if err == nil {
		k.builder.ParamValues[at], k.builder.ParamFormats[at] = k.keys, pgx.BinaryFormatCode
	}
	return err
}

func isKeyArray(arg any) bool {
	_, ok := arg.(plan.KeyArray)
	return ok
}

// text returns a prepared statement.
func (k *kept) text(ctx context.Context, conn *pgx.Conn, sql string) (*keptText, error) {
	t := k.texts[sql]
	if t != nil && t.doubted {
		if err := k.forget(ctx, conn, t); err != nil {
			return nil, err
		}
		t = nil
	}
	if t == nil {
		if err := k.makeRoom(ctx, conn); err != nil {
			return nil, err
		}
		digest := sha256.Sum256([]byte(sql))
		t = &keptText{name: "keyway_" + hex.EncodeToString(digest[:16])}
	}
	sd, err := conn.Prepare(ctx, t.name, sql)
	if err != nil {
		delete(k.texts, sql)
		return nil, prepareFailed(err)
	}
	if t.sd != sd {
		t.sd, t.formats = sd, make([]int16, len(sd.Fields))
		for i, f := range sd.Fields {
			t.formats[i] = conn.TypeMap().FormatCodeForOID(f.DataTypeOID)
		}
		k.texts[sd.SQL] = t
	}
	k.uses++
	t.used = k.uses
	return t, nil
}

// prepareFailed is what the server said.
func prepareFailed(err error) error {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return fmt.Errorf("error preprocessing batch (prepare): %w", pg)
	}
	return err
}

func (k *kept) makeRoom(ctx context.Context, conn *pgx.Conn) error {
	if len(k.texts) < mostTexts {
		return nil
	}
	var oldest *keptText
	for _, t := range k.texts {
		if oldest == nil || t.used < oldest.used {
			oldest = t
		}
	}
	return k.forget(ctx, conn, oldest)
}

func (k *kept) forget(ctx context.Context, conn *pgx.Conn, t *keptText) error {
	delete(k.texts, t.sd.SQL)
	return conn.Deallocate(ctx, t.name)
}

// doubt is called with every error of a statement. Only its next use has it prepared anew.
func (k *kept) doubt(t *keptText, err error) {
	if errors.Is(ownedError(err), errMoved) {
		return
	}
	t.doubted = true
	if pgerr.Code(err) != "26000" {
		return
	}
	for _, t := range k.texts { // whoever deallocated one has deallocated all
		t.doubted = true
	}
}

// keptRead reads one shard with kept statements. It is a merge.Source once it was asked.
type keptRead struct {
	by      *kept
	conn    *pgx.Conn
	text    *keptText
	results *pgconn.MultiResultReader
	rows    *pgconn.ResultReader // nil before the statement has answered
	err     error

	sent      bool // before ask, and what came of it is sendError
	sendError error
	closed    bool // the connection was closed before the statement was sent
}

// send sends the statement, and waits for nothing but what must be prepared.
func (r *keptRead) send(ctx context.Context, in *input) (err error) {
	r.results, r.rows, r.err = nil, nil, nil
	if r.text, err = r.by.fill(ctx, r.conn, in); err == nil {
		r.results = r.conn.PgConn().ExecBatch(ctx, &r.by.batch)
	}
	return err
}

// answer waits for the first row, or for the end.
func (r *keptRead) answer() error {
	if !r.results.NextResult() {
		err := r.ended()
		r.by.doubt(r.text, err)
		return err
	}
	r.rows = r.results.ResultReader()
	return nil
}

// ask implements shardRead. A statement that had to be prepared anew is sent again, once: nothing of it was given out.
func (r *keptRead) ask(ctx context.Context, in *input) error {
	err := r.sendError
	if !r.sent {
		err = r.send(ctx, in)
	}
	r.sent, r.sendError = false, nil
	if err == nil {
		err = r.answer()
	}
	if pgerr.Stale(err) && ctx.Err() == nil {
		r.Close()
		if err = r.send(ctx, in); err == nil {
			err = r.answer()
		}
	}
	return err
}

// ended is why there are no more results.
func (r *keptRead) ended() error {
	if err := r.results.Close(); err != nil {
		return err
	}
	return errors.New("bug: the server left a statement unanswered")
}

// Next implements merge.Source.
func (r *keptRead) Next() bool {
	if r.rows == nil {
		return false
	}
	if r.rows.NextRow() {
		return true
	}
	r.closeRows()
	return false
}

// closeRows reads the statement's answer to its end.
func (r *keptRead) closeRows() {
	if _, err := r.rows.Close(); err != nil && r.err == nil {
		r.err = err
		r.by.doubt(r.text, err)
	}
}

// RawValues implements merge.Source.
func (r *keptRead) RawValues() [][]byte { return r.rows.Values() }

// FieldDescriptions implements merge.Source.
func (r *keptRead) FieldDescriptions() []pgconn.FieldDescription { return r.rows.FieldDescriptions() }

// TypeMap implements merge.Source.
func (r *keptRead) TypeMap() *pgtype.Map { return r.conn.TypeMap() }

// Err implements merge.Source.
func (r *keptRead) Err() error { return ownedError(r.err) }

// Close implements merge.Source.
func (r *keptRead) Close() {
	if r.rows != nil {
		r.closeRows()
	}
	if r.results != nil {
		_ = r.results.Close()
	}
}
