package pgerr

// SQLSTATEs that code asks for by name. KW001 to KW004 are raised by the functions and triggers of the keyway schema;
// class KW is not used by PostgreSQL, whose own classes never start with a letter after I (errcodes.txt) but P and X.
const (
	SlotNotOwned    = "KW001" // the row's slot belongs to another shard
	KeyChanged      = "KW002" // an UPDATE changed a row's key or slot
	BadKey          = "KW003" // the key is NULL or empty
	TableRefused    = "KW004" // shard_table and its like refused a table
	UniqueViolation = "23505"
	Serialization   = "40001"
	Deadlock        = "40P01"
	ReadOnly        = "25006"
	LockTimeout     = "55P03"
	QueryCanceled   = "57014"
)

// Rule is one line of the table: a SQLSTATE, or a class (its first two characters), and the verdict in each phase.
//
// AtCommit is for an error of severity ERROR, which means that the transaction was rolled back. FATAL and PANIC at
// commit are in doubt whatever the table says: a FATAL that waited in the socket from before is read as the reply to
// COMMIT, and cannot be told from one that came after it.
type Rule struct {
	Code         string
	BeforeCommit Verdict
	AtCommit     Verdict
	Limit        int // see Judgement.Limit
	Reason       string
}

// Rules is the table. A whole SQLSTATE wins over its class; what is in neither fails.
var Rules = []Rule{
	{"KW001", Reroute, Reroute, 0, "the shard does not own the row's slot, so nothing was done there"},
	{"KW", Fail, Fail, 0, "the keyway schema refused it"},

	{"40001", RetryTx, RetryTx, 0, "serialization failure; rolled back"},
	{"40P01", RetryTx, RetryTx, 0, "deadlock detected; rolled back"},
	{"40003", RetryTxIfRerunnable, InDoubt, 0, "the server does not know whether the statement completed"},
	{"40", Fail, Fail, 0, "rolled back for a reason that would come again"},

	{"55P03", RetryLater, RetryLater, 2, "a lock was not available in time"},
	{"55", Fail, Fail, 0, "an object is not in the state the statement needs"},

	{"57014", Fail, Fail, 0, "cancelled by a request or by statement_timeout"},
	{"57P01", RetryTxIfRerunnable, InDoubt, 0, "an administrator ended the connection"},
	{"57P02", RetryTxIfRerunnable, InDoubt, 0, "the server crashed and restarts"},
	{"57P03", RetryLater, RetryLater, 0, "the server is starting or shutting down"},
	{"57", Fail, Fail, 0, "the server's operator intervened"},

	{"25006", Reroute, Reroute, 1, "the server is read-only: a standby, or no longer the primary"},
	{"25P02", Fail, Fail, 0, "an earlier statement failed and its error was not returned; rolled back"},
	{"25", Fail, Fail, 0, "the transaction's state does not allow the statement"},

	{"53300", RetryLater, RetryLater, 0, "the server has no connection left"},
	{"53200", RetryLater, RetryLater, 1, "the server is out of memory"},
	{"53", Fail, Fail, 0, "the server is out of a resource"},

	{"08P01", Fail, InDoubt, 0, "protocol violation"},
	{"08", RetryTxIfRerunnable, InDoubt, 0, "the connection failed, or a pooler lost its own"},

	{"0A000", Fail, Fail, 0, "the server does not support it"},
	{"26000", RetryTx, RetryTx, 1, "a prepared statement was gone; it is prepared anew"},

	{"22", Fail, Fail, 0, "bad data"},
	{"23", Fail, Fail, 0, "a constraint refused it; rolled back"},
	{"28", Fail, Fail, 0, "the server refused the login"},
	{"3D", Fail, Fail, 0, "the database does not exist"},
	{"42", Fail, Fail, 0, "the statement or the role's rights are wrong"},
}

// stalePlan is the rule for the one 0A000 that goes away by itself: a cached plan whose columns changed under it
// (ALTER TABLE). pgx forgets the plan when it sees the error, so that the next run prepares it anew.
var stalePlan = Rule{"0A000", RetryTx, RetryTx, 1, "a cached plan was out of date; rolled back and prepared anew"}

// staleDescription is the same for a description that is cached on the client, which is how statements are sent through
// poolers: it counts other result columns than the table has by then. Bind fails, so nothing was executed.
var staleDescription = Rule{"08P01", RetryTx, RetryTx, 1, "a cached description was out of date; rolled back and described anew"}

// Stale reports whether err says that a prepared statement, or what is known of it on the client, is out of date or gone.
// The statement was not executed: it may be prepared anew and sent once more.
func Stale(err error) bool {
	if err == nil {
		return false
	}
	pg, ok := asPgError(err)
	if !ok {
		return false
	}
	return pg.Code == codeFeatureNotSupported && pg.Routine == stalePlanRoutine ||
		pg.Code == codeProtocolViolation && pg.Routine == staleDescriptionRoutine || pg.Code == codeNoStatement
}

const (
	codeNoStatement = "26000"

	codeFeatureNotSupported = "0A000"
	stalePlanRoutine        = "RevalidateCachedQuery" // plancache.c; the message itself is translated

	codeProtocolViolation   = "08P01"
	staleDescriptionRoutine = "PortalSetResultFormat" // pquery.c
)

// byCode finds a rule by SQLSTATE or class.
var byCode = func() map[string]Rule {
	m := make(map[string]Rule, len(Rules))
	for _, r := range Rules {
		if _, twice := m[r.Code]; twice {
			panic("bug: two rules for SQLSTATE " + r.Code)
		}
		m[r.Code] = r
	}
	return m
}()

// ruleFor returns the rule for a SQLSTATE; the zero Rule, which fails, when there is none.
func ruleFor(code string) Rule {
	if r, ok := byCode[code]; ok {
		return r
	}
	if len(code) >= 2 {
		if r, ok := byCode[code[:2]]; ok {
			return r
		}
	}
	return Rule{Code: code, Reason: "nothing is known about this error that would make a retry safe"}
}
