package pgerr

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Classify is Judge without the reason.
func Classify(err error, phase Phase) Verdict { return Judge(err, phase).Verdict }

// Judge says what may be done after err in the given phase. A nil error fails: nobody should ask.
//
// Errors are looked for through wrapping, so a closure's own error that wraps a server's is judged as the server's.
// Whatever is neither the server's nor the connection's fails before COMMIT, because it is the application's own, and
// is in doubt at COMMIT, because there it can only be about the connection. The exceptions are pgx's own errors of an
// argument or a result, for statements that commit by themselves.
func Judge(err error, phase Phase) Judgement {
	if isOverload(err) {
		return Judgement{Verdict: Fail, Reason: "no connection was free in time; nothing was sent, and more work would not help"}
	}
	if isConnect(err) {
		return judgeConnect(err)
	}
	if phase == AtCommit && isBatchUnsent(err) {
		phase = BeforeCommit
	}
	if pg, ok := asPgError(err); ok {
		return judgeServer(pg, phase)
	}
	if phase == AtCommit {
		return judgeAtCommit(err)
	}
	return judgeBeforeCommit(err)
}

// Code returns the SQLSTATE in err, or "".
func Code(err error) string {
	if pg, ok := asPgError(err); ok {
		return pg.Code
	}
	return ""
}

// NotSent reports whether err proves that nothing of the failed call reached the server: the connection could not be
// opened, was closed already, or the context had ended before.
//
// pgconn.SafeToRetry says false for its ConnectError although nothing was sent, hence the second question. It says
// true for every error of PgConn.ReceiveMessage, where it means nothing: strip those before asking.
func NotSent(err error) bool { return isConnect(err) || pgconn.SafeToRetry(err) }

// ConnectionLost reports whether err can mean that a connection broke or was given up. An application's own network
// error looks the same; ask the connection itself (IsClosed) where there is one.
func ConnectionLost(err error) bool {
	var netErr net.Error
	var opErr *net.OpError
	switch {
	case err == nil:
		return false
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, pgconn.ErrConnClosed):
		return true
	case errors.As(err, &opErr):
		return true
	default:
		return pgconn.Timeout(err) || errors.As(err, &netErr) && netErr.Timeout() && !isContext(err)
	}
}

func asPgError(err error) (*pgconn.PgError, bool) {
	var pg *pgconn.PgError
	return pg, errors.As(err, &pg)
}

// isConnect reports whether no connection could be opened. A pool that wraps what pgx said so that the configuration
// with its password cannot be reached any more says SafeToRetry, and has the server's or the network's error inside.
func isConnect(err error) bool {
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if !pgconn.SafeToRetry(err) || errors.Is(err, pgconn.ErrConnClosed) || isContext(err) {
		return false
	}
	_, server := asPgError(err)
	var dns *net.DNSError
	return server || ConnectionLost(err) || isCertificate(err) || errors.As(err, &dns)
}

func isCertificate(err error) bool {
	var verification *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	return errors.As(err, &verification) || errors.As(err, &authority)
}

// isOverload reports whether a pool gave up waiting: its error says both that it is a timeout and that nothing was sent,
// which no error of pgx or of the network does. What the last dial said may be inside and must not be taken for it.
func isOverload(err error) bool {
	var o interface {
		error
		Timeout() bool
		SafeToRetry() bool
	}
	return errors.As(err, &o) && o.Timeout() && o.SafeToRetry()
}

// isBatchUnsent reports whether pgx failed while it prepared the statements of a batch, which it does before it sends the
// first one.
func isBatchUnsent(err error) bool {
	_, ok := errors.AsType[pgx.ErrPreprocessingBatch](err)
	return ok
}

// isContext reports whether err is a context's end and nothing that pgx made of it.
func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) && !pgconn.Timeout(err)
}

// isFatal reports whether the server ended the session with the error. The severity is translated in Severity but not
// in SeverityUnlocalized; an error without any is taken for the worse.
func isFatal(pg *pgconn.PgError) bool {
	severity := pg.SeverityUnlocalized
	if severity == "" {
		severity = pg.Severity
	}
	return severity != "ERROR"
}

func judgeServer(pg *pgconn.PgError, phase Phase) Judgement {
	rule := ruleFor(pg.Code)
	switch {
	case pg.Code == codeFeatureNotSupported && pg.Routine == stalePlanRoutine:
		rule = stalePlan
	case pg.Code == codeProtocolViolation && pg.Routine == staleDescriptionRoutine:
		rule = staleDescription
	}
	if phase == BeforeCommit {
		return Judgement{Verdict: rule.BeforeCommit, Reason: rule.Reason, Limit: rule.Limit}
	}
	if isFatal(pg) {
		return Judgement{Verdict: InDoubt, Reason: "the server ended the connection where the reply to COMMIT was due"}
	}
	return Judgement{Verdict: rule.AtCommit, Reason: rule.Reason, Limit: rule.Limit}
}

// judgeConnect is about an error of connecting: no statement was sent, in whatever phase, so the only question is
// whether connecting again can help.
func judgeConnect(err error) Judgement {
	if pg, ok := asPgError(err); ok {
		rule := ruleFor(pg.Code)
		switch rule.BeforeCommit {
		case RetryLater, RetryTxIfRerunnable, RetryTx:
			return Judgement{Verdict: RetryLater, Reason: "could not connect: " + rule.Reason, Limit: rule.Limit}
		default:
			return Judgement{Verdict: Fail, Reason: "could not connect: " + rule.Reason}
		}
	}
	if isCertificate(err) {
		return Judgement{Verdict: Fail, Reason: "could not connect: the server's certificate is not trusted"}
	}
	return Judgement{Verdict: RetryLater, Reason: "could not connect; nothing was sent", Timeout: pgconn.Timeout(err)}
}

func judgeBeforeCommit(err error) Judgement {
	switch {
	case errors.Is(err, pgx.ErrTxCommitRollback):
		return Judgement{Verdict: Fail, Reason: ruleFor("25P02").Reason}
	case isContext(err):
		return Judgement{Verdict: Fail, Reason: "the context ended; rolled back"}
	case ConnectionLost(err):
		return Judgement{
			Verdict: RetryTxIfRerunnable,
			Reason:  "the connection was lost before COMMIT, so the server rolls back",
			Timeout: pgconn.Timeout(err),
		}
	case pgconn.SafeToRetry(err):
		// "conn busy" and its like: the next run would do the same.
		return Judgement{Verdict: Fail, Reason: "the connection was not ready for the call"}
	default:
		return Judgement{Verdict: Fail, Reason: "not an error of the database"}
	}
}

func judgeAtCommit(err error) Judgement {
	switch {
	case errors.Is(err, pgx.ErrTxCommitRollback):
		return Judgement{Verdict: Fail, Reason: ruleFor("25P02").Reason}
	case errors.Is(err, pgx.ErrTxClosed):
		return Judgement{Verdict: Fail, Reason: "the transaction had ended already"}
	case pgconn.SafeToRetry(err) && errors.Is(err, pgconn.ErrConnClosed):
		return Judgement{
			Verdict: RetryTxIfRerunnable,
			Reason:  "the connection was lost before COMMIT was sent, so the server rolls back",
		}
	case pgconn.SafeToRetry(err):
		return Judgement{Verdict: Fail, Reason: "COMMIT was not sent; the transaction is rolled back"}
	case isEncoding(err):
		return Judgement{Verdict: Fail, Reason: "an argument does not fit its parameter; the statement was not sent"}
	case errors.As(err, new(pgx.ScanArgError)):
		return Judgement{Verdict: Fail, Reason: "the statement was executed, and a result does not fit the caller's variable"}
	default:
		return Judgement{Verdict: InDoubt, Reason: "the reply to COMMIT was lost", Timeout: pgconn.Timeout(err)}
	}
}
