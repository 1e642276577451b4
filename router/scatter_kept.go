package router

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/keyway-go/keyway/internal/pgerr"
)

// kept are the statements that one connection keeps prepared for reads over several shards: those around every read,
// and the latest texts. Only the holder of the connection touches it.
//
// pgx's own batch keeps statements too, but costs sixty allocations for the four of a read, a description of a result
// that is known, and a second answer for each statement that has no rows.
type kept struct {
	none    bool // connections like this one keep nothing
	builder pgx.ExtendedQueryBuilder

	around  [len(aroundRead)]*pgconn.StatementDescription // as sent
	texts   map[string]*keptText
	uses    uint64
	doubted bool // what is around every read must be prepared anew

	// head begins a batch: the snapshot, and the question. It is copied and never sent itself.
	head     pgconn.Batch
	headFor  string       // the slots that are asked for
	question *keptText    // of head
	yes      int          // so many rows of it are the answer yes
	plainly  bool         // the quick question was answered with no, so it is not asked for headFor any more
	batch    pgconn.Batch // the one on its way
}

type keptText struct {
	name    string
	sd      *pgconn.StatementDescription
	formats []int16
	used    uint64 // kept.uses at that time
	doubted bool   // it failed; it must be prepared anew
}

// What stands around every read. Named, so that a session that has lost them is seen by pgx.
const (
	toBegin = iota
	toEnd
)

var aroundRead = [...]struct{ name, sql string }{
	toBegin: {"keyway_begin", beginSnapshot}, toEnd: {"keyway_end", endSnapshot},
}

const (
	keptName  = "keyway.scatter" // in the connection's custom data
	mostTexts = 128              // of one connection; beyond it the one that was not used for longest is given up
)

var binaryFormat, textFormat = []int16{pgx.BinaryFormatCode}, []int16{pgx.TextFormatCode}

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

// fill makes the batch of one read. Nothing is sent for it but what has to be prepared.
func (k *kept) fill(ctx context.Context, conn *pgx.Conn, in *input) (*keptText, error) {
	if err := k.prepareAround(ctx, conn); err != nil {
		return nil, err
	}
	if err := k.prepareQuestion(ctx, conn, in.owned); err != nil {
		return nil, err
	}
	t, err := k.text(ctx, conn, in.text)
	if err != nil {
		return nil, err
	}
	if _, err := in.learnTypes(ctx, conn, t.sd.Fields); err != nil {
		return nil, err
	}
	if err := k.builder.Build(conn.TypeMap(), t.sd, in.args); err != nil {
		return nil, fmt.Errorf("error preprocessing batch (build): %w", err)
	}
	formats := t.formats
	if in.of.asText {
		formats = textFormat
	}
	k.batch = k.head
	k.batch.ExecStatement(t.sd, k.builder.ParamValues, k.builder.ParamFormats, formats)
	k.batch.ExecStatement(k.around[toEnd], nil, nil, nil)
	return t, nil
}

// prepareAround sees to the statements around a read. pgx knows those that it has prepared, and forgets them when the
// session does.
func (k *kept) prepareAround(ctx context.Context, conn *pgx.Conn) error {
	if k.doubted {
		for _, s := range aroundRead {
			if err := conn.Deallocate(ctx, s.name); err != nil {
				return err
			}
		}
		k.doubted = false
	}
	for i, s := range aroundRead {
		sd, err := conn.Prepare(ctx, s.name, s.sql)
		if err != nil {
			return prepareFailed(err)
		}
		if k.around[i] == nil {
			k.around[i] = undescribed(sd)
		}
	}
	return nil
}

// prepareQuestion sees to the head of a batch.
func (k *kept) prepareQuestion(ctx context.Context, conn *pgx.Conn, owned *ownedSlots) error {
	if k.headFor != owned.text {
		k.headFor, k.plainly, k.question = owned.text, owned.quick == "", nil
	}
	sql, args, yes := owned.quick, [][]byte(nil), len(owned.ranges)
	if k.plainly {
		sql, args, yes = ownsSlots, [][]byte{[]byte(owned.text)}, 1
	}
	t, err := k.text(ctx, conn, sql)
	if err != nil || t == k.question {
		return err
	}
	k.head = pgconn.Batch{}
	k.head.ExecStatement(k.around[toBegin], nil, nil, nil)
	k.head.ExecStatement(t.sd, args, textFormat[:len(args)], binaryFormat)
	k.question, k.yes = t, yes
	return nil
}

// undescribed is a statement for which no description is asked with each execution. pgx asks where a description has no
// columns, since it may be older than the cursor that a FETCH names.
func undescribed(sd *pgconn.StatementDescription) *pgconn.StatementDescription {
	if len(sd.Fields) > 0 {
		return sd
	}
	return &pgconn.StatementDescription{Name: sd.Name, SQL: sd.SQL, Fields: make([]pgconn.FieldDescription, 1)}
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

// doubt is called with every error of a statement. Only its next use has it prepared anew: the connection may be
// inside a transaction that has failed.
func (k *kept) doubt(t *keptText, err error) {
	t.doubted = true
	if pgerr.Code(err) != "26000" {
		return
	}
	k.doubted = true // whoever deallocated one has deallocated all
	for _, t := range k.texts {
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
}

// ask sends everything at once and reads what comes before the rows. A statement that had to be prepared anew is sent
// again, once, and so is one whose quick question was answered with no: nothing of it was given out.
func (r *keptRead) ask(ctx context.Context, in *input) error {
	err := r.send(ctx, in)
	if pgerr.Stale(err) && ctx.Err() == nil {
		if err := r.clear(); err != nil {
			return err
		}
		err = r.send(ctx, in)
	}
	if errors.Is(err, errMoved) && !r.by.plainly {
		r.by.plainly = true
		if err := r.clear(); err != nil {
			return err
		}
		err = r.send(ctx, in)
	}
	return err
}

// clear makes the connection fit for the same statement once more.
func (r *keptRead) clear() error {
	r.Close()
	return endFailed(r.conn.PgConn())
}

func (r *keptRead) send(ctx context.Context, in *input) (err error) {
	r.results, r.rows, r.err = nil, nil, nil
	if r.text, err = r.by.fill(ctx, r.conn, in); err != nil {
		return err
	}
	r.results = r.conn.PgConn().ExecBatch(ctx, &r.by.batch)
	owns, err := r.answers()
	if err == nil && !owns {
		return errMoved
	}
	if err == nil && !r.results.NextResult() {
		err = r.ended()
	}
	if err != nil {
		r.by.doubt(r.text, err)
		return err
	}
	r.rows = r.results.ResultReader()
	return nil
}

// answers reads the beginning of the snapshot and the answer to the question.
func (r *keptRead) answers() (owns bool, err error) {
	for range 2 {
		if !r.results.NextResult() {
			return false, r.ended()
		}
	}
	answer, yes := r.results.ResultReader(), 0
	for answer.NextRow() {
		yes += int(answer.Values()[0][0])
	}
	_, err = answer.Close()
	return yes == r.by.yes, err
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
func (r *keptRead) Err() error { return r.err }

// Close implements merge.Source. What ends the snapshot has nothing to say.
func (r *keptRead) Close() {
	if r.rows != nil {
		r.closeRows()
	}
	if r.results != nil {
		_ = r.results.Close()
	}
}

// endFailed ends a transaction that has failed, if there is one, so that the connection is fit for others.
func endFailed(pg *pgconn.PgConn) error {
	if pg.IsClosed() || pg.TxStatus() == 'I' {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), rollbackTime)
	defer cancel()
	_, err := pg.Exec(ctx, "rollback").ReadAll()
	return err
}
