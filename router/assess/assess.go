package assess

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/internal/pgerr"
)

// Options say what to assess. From is required.
type Options struct {
	// From is the database. It is read, never changed.
	From *pgx.ConnConfig

	// Key is the column to shard by, wherever a table has it. Empty means the one that the report recommends.
	Key string

	// Tables say what single tables are to be, whatever else would be proposed: name or schema.name to a choice.
	Tables map[string]As

	// Statements are judged instead of those of pg_stat_statements when it is not nil; see [ReadStatements].
	Statements []Statement
}

// As is what a table is to be. A table with a Key is [Sharded] by it, one without is [Reference] or [Home].
type As struct {
	Kind Kind
	Key  []string
}

// OptionsError says that the options name what is not in the database.
type OptionsError struct{ Problem string }

// Error implements error.
func (e *OptionsError) Error() string { return "assess: " + e.Problem }

// Level says how much an obstacle matters.
type Level string

// The levels, worst first.
const (
	Problem Level = "problem" // the table cannot be registered before this is solved
	Warning Level = "warning" // something will mean less than it does today, or needs a decision
	Note    Level = "note"    // worth knowing
)

// Obstacle is something that sharding would run into.
type Obstacle struct {
	Level    Level    `json:"level"`
	Check    string   `json:"check"`  // a stable name, such as "uniqueness"
	Tables   []string `json:"tables"` // schema.table; empty when it is about the database
	Sentence string   `json:"sentence"`
	Remedy   string   `json:"remedy"`
}

// Report is what was found.
type Report struct {
	Database   string           `json:"database"`
	Version    string           `json:"version"` // of the server: "15.18"
	Schema     string           `json:"schema"`  // where unqualified names of statements are looked up
	Bytes      int64            `json:"bytes"`   // tables with their indexes, as of the last VACUUM or ANALYZE
	Rows       int64            `json:"rows"`
	Candidates []Candidate      `json:"candidates"` // best first
	Key        string           `json:"key"`        // recommended or given; empty when there is none
	KeyGiven   bool             `json:"key_given"`
	Tables     []TableReport    `json:"tables"`    // largest first
	Obstacles  []Obstacle       `json:"obstacles"` // worst first
	Statements StatementsReport `json:"statements"`
	Migration  []string         `json:"migration"` // lines of SQL, in an order that works
	Took       time.Duration    `json:"took"`
}

// Count is how many obstacles have the level.
func (r *Report) Count(l Level) (n int) {
	for _, o := range r.Obstacles {
		if o.Level == l {
			n++
		}
	}
	return n
}

// Clean reports whether nothing has to be done or decided: no problem, no warning, no undecided table, and every
// statement routes as it is.
func (r *Report) Clean() bool {
	for _, t := range r.Tables {
		if t.Kind == Undecided {
			return false
		}
	}
	for _, s := range r.Statements.List {
		if !s.Verdict.Routes() {
			return false
		}
	}
	return r.Count(Problem) == 0 && r.Count(Warning) == 0
}

// Run assesses the database. It takes no longer than the statement timeout of half a minute for each of its seven
// questions, and ends where one has no answer, from a server that hangs, for 40 seconds. The errors are an
// [*OptionsError], a failed connection, or what the server answered.
func Run(ctx context.Context, o Options) (*Report, error) {
	if o.From == nil {
		return nil, errors.New("assess: Options.From is nil; say which database to look at")
	}
	started := time.Now()
	db, err := look(ctx, o.From.Copy(), o.Statements == nil)
	if err != nil {
		return nil, fmt.Errorf("assess: %w", pgerr.Public(err))
	}
	if o.Statements != nil {
		db.statements, db.source = o.Statements, sourceFile
	}
	if err := db.check(o); err != nil {
		return nil, err
	}
	r := db.report(o)
	r.Took = time.Since(started)
	return r, nil
}

// report does everything that needs no database any more.
func (db *database) report(o Options) *Report {
	r := &Report{Database: db.name, Version: db.version, Schema: db.schema, KeyGiven: o.Key != "", Candidates: []Candidate{}, Tables: []TableReport{}}
	texts := db.readable()
	candidates := db.candidates()
	if o.Key != "" {
		candidates = []*candidate{db.candidateOf(o.Key)}
	}
	best := db.choose(candidates, o.Tables, texts)
	proposal := db.propose(best, o.Tables)
	for _, c := range candidates {
		r.Candidates = append(r.Candidates, c.report)
	}
	if best != nil {
		r.Key = best.report.Column
	}
	for _, p := range proposal.tables {
		r.Tables = append(r.Tables, p.report())
		r.Bytes += p.bytes
		r.Rows += int64(p.rows)
	}
	r.Obstacles = db.obstacles(proposal)
	r.Statements = db.judgeAll(proposal, texts)
	r.Migration = proposal.migration(db)
	return r
}
