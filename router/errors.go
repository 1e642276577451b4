package router

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/shard"
)

// ErrNoRows and ErrTooManyRows are pgx's own, so that errors.Is works with either name: [Get] found no row, or more
// than one.
var (
	ErrNoRows      = pgx.ErrNoRows
	ErrTooManyRows = pgx.ErrTooManyRows
)

// ErrNoShardKey is matched by errors.Is when a statement on a sharded table does not say which key it is for. The
// error itself is a [*RefusedError] that names the table and the column.
var ErrNoShardKey = errors.New("the statement names no shard key")

// ErrClosed is what calls get after [DB.Close], and what queries get that Close interrupted.
var ErrClosed = errors.New("the database handle is closed")

// errPrefix stands before sentences that this package writes itself.
const errPrefix = "keyway: "

// RefusedError says that a statement was not sent because it is not certain where it belongs. Nothing was executed.
// errors.Is(err, ErrNoShardKey) tells the commonest reason from the others.
type RefusedError struct {
	Reason string // a short stable name, such as "no shard key"
	Table  string // the table it is about; may be empty
	Detail string // what was not understood, in words
	Hint   string // what to write instead; may be empty
	Offset int    // where in the text, in bytes; -1 when it is about the whole statement
	Caret  string // the line of the text with a ^ under that place; may be empty
	Err    error  // a *shard.KeyError when an argument cannot be a key; else nil. Part of Detail

	noKey bool
}

// Error gives the detail and the hint. It quotes no argument; Caret, which quotes the text, is left to the caller.
func (e *RefusedError) Error() string {
	s := errPrefix + e.Detail
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

// Unwrap returns Err.
func (e *RefusedError) Unwrap() error { return e.Err }

// Is matches [ErrNoShardKey] when that is the reason.
func (e *RefusedError) Is(target error) bool { return target == ErrNoShardKey && e.noKey }

// MultiShardError refuses a statement whose keys live on several shards: a write runs on one shard, or not at all, and a
// read of several only where its result is what one server would give. Nothing was executed.
type MultiShardError struct {
	Table  string
	Keys   int   // how many keys the statement has
	Shards int   // how many shards they live on
	Err    error // for a read, why those shards' rows cannot be put together; nil otherwise
}

func (e *MultiShardError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%sthe %d keys of this statement on %s live on %d shards, whose rows cannot be put together: %s",
			errPrefix, e.Keys, e.Table, e.Shards, strings.TrimPrefix(e.Err.Error(), errPrefix))
	}
	return fmt.Sprintf("%sthe %d keys of this statement on %s live on %d shards, and a statement runs on one; group the keys "+
		"by DB.Route and send one statement for each shard, or use DB.CopyFrom for rows", errPrefix, e.Keys, e.Table, e.Shards)
}

// Unwrap returns Err.
func (e *MultiShardError) Unwrap() error { return e.Err }

// ShardDownError says that a shard was not there when the cluster was opened and has not been verified since. Nothing
// was sent. It ends by itself when the shard is back.
type ShardDownError struct {
	Shard    shard.ID
	Instance string
	Since    time.Time
	Err      error // why it was not verified
}

func (e *ShardDownError) Error() string {
	return fmt.Sprintf("%sshard %s (instance %s) is down since %s: %v",
		errPrefix, e.Shard, e.Instance, e.Since.Format(time.RFC3339), e.Err)
}

// Unwrap gives the cause.
func (e *ShardDownError) Unwrap() error { return e.Err }

// UnknownShardError says that the slot map names a shard that this process's configuration does not have.
type UnknownShardError struct {
	Shard      shard.ID
	Slot       shard.Slot
	MapVersion uint64
}

func (e *UnknownShardError) Error() string {
	if e.Shard == "" {
		return fmt.Sprintf("%sslot %d has no shard in map version %d", errPrefix, e.Slot, e.MapVersion)
	}
	return fmt.Sprintf("%smap version %d puts slot %d on shard %s, which the configuration of this process does not have; "+
		"add it under shards and deploy", errPrefix, e.MapVersion, e.Slot, e.Shard)
}

// IdentityError says that an address answers as something else than what the configuration calls it. Nothing is sent
// there.
type IdentityError struct {
	Shard    shard.ID // as configured
	Instance string
	Detail   string // what answered
}

func (e *IdentityError) Error() string {
	return fmt.Sprintf("%sshard %s (instance %s): %s", errPrefix, e.Shard, e.Instance, e.Detail)
}

// ShardError is an error of one shard: what its server said, or what happened on the way to it. errors.As reaches the
// server's *pgconn.PgError; the text has neither its Detail nor any value.
type ShardError struct {
	Shard shard.ID
	Err   error
}

func (e *ShardError) Error() string { return fmt.Sprintf("shard %s: %v", e.Shard, e.Err) }

// Unwrap gives the cause.
func (e *ShardError) Unwrap() error { return e.Err }

// MovedError says that slots kept moving while a statement was to read them from several shards, or began to when rows
// had been given out already. What was given out is right; the statement can be sent again.
type MovedError struct {
	Shard      shard.ID // the shard that did not own the slots it was asked for
	MapVersion uint64   // of the map by which it was asked
}

func (e *MovedError) Error() string {
	return fmt.Sprintf("%sshard %s does not own the slots that map version %d gives it: they are moving; send the statement again",
		errPrefix, e.Shard, e.MapVersion)
}

// DisagreementError says that rows of two shards cannot be one result, because their servers differ in something that
// results depend on, or their tables do. Statements for one shard are not affected.
type DisagreementError struct {
	ShardA, ShardB shard.ID // may be the same one
	What           string

	setting bool // What is a setting of sessions; see renewals
}

func (e *DisagreementError) Error() string {
	if e.ShardA == e.ShardB {
		return fmt.Sprintf("%sshard %s cannot be read together with others: %s", errPrefix, e.ShardA, e.What)
	}
	return fmt.Sprintf("%sshards %s and %s cannot be read together: %s", errPrefix, e.ShardA, e.ShardB, e.What)
}

// TooLargeError says that a statement over several shards would hold more in memory than [MaxBytes] allows.
type TooLargeError struct {
	What   string // that had to be held
	Budget int64  // in bytes
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("%s%s take more than %d bytes; ask for less, or allow more with MaxBytes", errPrefix, e.What, e.Budget)
}

// OpenError says what kept [Open] or [Init] from finishing: Cluster is about the cluster as a whole, Shards about
// single ones, sorted by id.
type OpenError struct {
	Cluster []error
	Shards  []*ShardError
}

func (e *OpenError) Error() string {
	var lines []string
	for _, err := range e.Cluster {
		lines = append(lines, err.Error())
	}
	for _, err := range e.Shards {
		lines = append(lines, err.Error())
	}
	return errPrefix + "the cluster cannot be opened:\n  " + strings.Join(lines, "\n  ")
}

// Unwrap gives every cause.
func (e *OpenError) Unwrap() []error {
	errs := slices.Clone(e.Cluster)
	for _, s := range e.Shards {
		errs = append(errs, s)
	}
	return errs
}

// PartialCopyError says that [DB.CopyFrom] failed after some shards had committed, so that their rows stay, or when that
// is not known. When nothing was committed anywhere for certain, CopyFrom returns a plain error instead.
type PartialCopyError struct {
	Table     string
	Committed map[shard.ID]int64 // rows that are there for certain
	InDoubt   []shard.ID         // the reply to COMMIT was lost: the rows are there, all or none of the shard's
	Aborted   []shard.ID         // nothing of these shards' rows is there
	Err       error
}

func (e *PartialCopyError) Error() string {
	var done []string
	for id, n := range e.Committed {
		done = append(done, fmt.Sprintf("%s: %d rows", id, n))
	}
	slices.Sort(done)
	s := fmt.Sprintf("%scopy into %s was committed in part (%s)", errPrefix, e.Table, strings.Join(done, ", "))
	if len(done) == 0 {
		s = fmt.Sprintf("%scopy into %s was committed nowhere for certain", errPrefix, e.Table)
	}
	if len(e.InDoubt) > 0 {
		s += fmt.Sprintf(", is in doubt on %s", idList(e.InDoubt))
	}
	if len(e.Aborted) > 0 {
		s += fmt.Sprintf(", and rolled back on %s", idList(e.Aborted))
	}
	return fmt.Sprintf("%s: %v", s, e.Err)
}

// Unwrap gives the first failure.
func (e *PartialCopyError) Unwrap() error { return e.Err }

// CopyPartsError says that [DB.CopyInParts] failed after rows had been committed, or may have been. Rows have the numbers
// in which the source gave them, from 1. To go on, copy the rows that are missing and those behind Through; look for the
// rows in doubt first.
type CopyPartsError struct {
	Table   string
	Through int64   // rows up to this one are there, but for the following; those behind it are not
	Missing []int64 // of these, those that are not there for certain
	InDoubt []int64 // of these, those that are there all or none, because the reply to their COPY was lost
	Err     error
}

func (e *CopyPartsError) Error() string {
	s := fmt.Sprintf("%scopy into %s: of the first %d rows %d are there", errPrefix, e.Table, e.Through,
		e.Through-int64(len(e.Missing))-int64(len(e.InDoubt)))
	if len(e.Missing) > 0 {
		s += fmt.Sprintf(", %d are not", len(e.Missing))
	}
	if len(e.InDoubt) > 0 {
		s += fmt.Sprintf(", %d are in doubt", len(e.InDoubt))
	}
	return fmt.Sprintf("%s, and none behind them: %v", s, e.Err)
}

// Unwrap gives the failure.
func (e *CopyPartsError) Unwrap() error { return e.Err }

// PartialBatchError says that a batch over several shards was committed on some and not on all of them. A part that only
// reads counts as none.
type PartialBatchError struct {
	Committed []shard.ID // what these shards' statements wrote is there
	InDoubt   []shard.ID // the reply was lost: what they wrote is there, all or none of the shard's
	Failed    []shard.ID // nothing that these shards' statements wrote is there
	Err       error      // of all shards that failed, sorted by shard
}

func (e *PartialBatchError) Error() string {
	s := errPrefix + "the batch was committed"
	if len(e.Committed) == 0 {
		s += " nowhere for certain"
	} else {
		s += " on " + idList(e.Committed)
	}
	if len(e.InDoubt) > 0 {
		s += ", is in doubt on " + idList(e.InDoubt)
	}
	if len(e.Failed) > 0 {
		s += ", and failed on " + idList(e.Failed)
	}
	return fmt.Sprintf("%s: %v", s, e.Err)
}

// Unwrap gives the failures.
func (e *PartialBatchError) Unwrap() error { return e.Err }

func idList(ids []shard.ID) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = string(id)
	}
	return sortedList(texts)
}

func sortedList(texts []string) string {
	slices.Sort(texts)
	return strings.Join(texts, ", ")
}

// closedError is ErrClosed together with what the pool said.
type closedError struct{ err error }

func (e *closedError) Error() string   { return ErrClosed.Error() }
func (e *closedError) Unwrap() []error { return []error{ErrClosed, e.err} }

// badKey says which key column an argument was for.
func badKey(p *plan.Plan, err error) error {
	return &RefusedError{
		Reason: plan.BadKey.String(), Table: p.KeyTable, Offset: -1, Err: err,
		Detail: fmt.Sprintf("the key of %s (%s): %s", p.KeyTable, strings.Join(p.KeyColumns, ", "),
			strings.TrimPrefix(err.Error(), "shard: ")),
	}
}

// refused makes the public error of what the planner returned.
func refused(sql string, err error) error {
	var r *plan.Refusal
	if !errors.As(err, &r) {
		return err
	}
	return &RefusedError{
		Reason: r.Reason.String(), Table: r.Table, Detail: r.Detail, Hint: r.Hint, Offset: r.Offset,
		Caret: caret(sql, r.Offset), noKey: r.Reason == plan.NoShardKey || r.Reason == plan.Or,
	}
}

// explainDrift says why a registered table is not known any more, where that is the reason of a refusal.
func explainDrift(r *catalog.Registry, err error) error {
	e, ok := err.(*RefusedError) //nolint:errorlint // refused made it
	if !ok || e.Reason != plan.UnknownTable.String() {
		return err
	}
	schema, name, _ := strings.Cut(e.Table, ".")
	if d := r.DriftOf(schema, name); d != nil {
		e.Detail = "table " + e.Table + " is not as it was registered: " + d.Reason
		e.Hint = ""
	}
	return e
}

// caret shows the line of sql that has the offset, with a ^ under it; "" when the refusal is about the whole.
func caret(sql string, offset int) string {
	if offset < 0 || offset > len(sql) {
		return ""
	}
	start := strings.LastIndexByte(sql[:offset], '\n') + 1
	end := len(sql)
	if nl := strings.IndexByte(sql[offset:], '\n'); nl >= 0 {
		end = offset + nl
	}
	pad := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, sql[start:offset])
	return sql[start:end] + "\n" + pad + "^"
}
