package pgerr

import "fmt"

// Phase says whether COMMIT had been sent when the error came.
type Phase uint8

const (
	// BeforeCommit is any moment of a transaction before its COMMIT was sent: whatever happened, nothing is committed.
	BeforeCommit Phase = iota

	// AtCommit is from the first byte of COMMIT on. A statement outside a transaction commits by itself and is in this
	// phase from its first byte.
	AtCommit
)

// String returns "before commit" or "at commit".
func (p Phase) String() string {
	if p == AtCommit {
		return "at commit"
	}
	return "before commit"
}

// Verdict is what may be done after an error. The zero value is Fail.
type Verdict uint8

const (
	// Fail: nothing is committed, and doing the same again would fail the same way. Give the error to the caller.
	Fail Verdict = iota

	// RetryTx: the transaction is known to have been rolled back, or was never begun. Run it again as a whole.
	RetryTx

	// RetryLater: as RetryTx, after a longer pause: something was busy, full or starting.
	RetryLater

	// RetryTxIfRerunnable: the connection was lost before COMMIT, so the server rolls back; but how far the statements
	// had come is unknown. Run it again only if whoever wrote it says that this is safe.
	RetryTxIfRerunnable

	// Reroute: this server is not, or no longer, the one for the statement, and did nothing. Find the place again,
	// with a fresh map, and run the whole there.
	Reroute

	// InDoubt: COMMIT may or may not have happened. Never run it again; find out.
	InDoubt
)

var verdictNames = [...]string{
	Fail: "fail", RetryTx: "retry", RetryLater: "retry later", RetryTxIfRerunnable: "retry if rerunnable",
	Reroute: "reroute", InDoubt: "in doubt",
}

// String returns the verdict in words.
func (v Verdict) String() string {
	if int(v) < len(verdictNames) {
		return verdictNames[v]
	}
	return fmt.Sprintf("verdict %d", uint8(v))
}

// Retries reports whether the whole may be run again; rerunnable says what the author of the transaction declared.
func (v Verdict) Retries(rerunnable bool) bool {
	switch v {
	case RetryTx, RetryLater, Reroute:
		return true
	case RetryTxIfRerunnable:
		return rerunnable
	default:
		return false
	}
}

// Judgement is a verdict with its reason.
type Judgement struct {
	Verdict Verdict
	Reason  string // a clause for people: "deadlock detected; rolled back"

	// Limit is how many times this kind of error may lead to a retry of one call. Zero means the caller's own limit.
	Limit int

	// Timeout is set for retries that cost the server more: it was slow, not quick to refuse.
	Timeout bool
}
