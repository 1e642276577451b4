package importer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

// Options say what to import. From is required.
type Options struct {
	// From is the database to copy. Its role needs to read the tables and nothing
	// more. It is copied, never changed.
	From *pgx.ConnConfig

	// Tables restricts the import, by name or schema.name. Empty means every
	// registered table that the source has.
	Tables []string

	// Progress is called a few times a second, and once for each table when it is
	// done, from one goroutine at a time. Nil means silence.
	Progress func(Progress)
}

// Step is what an import is doing with a table.
type Step string

// The steps, in their order.
const (
	Copying   Step = "copying"   // out of the source and into the shards
	Verifying Step = "verifying" // counts, checksums and places
)

// Progress is how far a table is.
type Progress struct {
	Step    Step          `json:"step"`
	Table   string        `json:"table"`
	Rows    int64         `json:"rows"`
	Bytes   int64         `json:"bytes"` // as COPY text
	Elapsed time.Duration `json:"elapsed"`
	Done    bool          `json:"done"`
}

// Rate is rows per second.
func (p Progress) Rate() float64 {
	if p.Elapsed <= 0 {
		return 0
	}
	return float64(p.Rows) / p.Elapsed.Seconds()
}

// Report says what was imported and verified.
type Report struct {
	Tables []TableReport `json:"tables"` // in the order of the import: what is referred to comes first

	// Absent are registered tables that the source does not have.
	Absent []string `json:"absent,omitempty"`

	// LeftBehind are tables of the source that are not registered, so that their
	// rows are on no shard.
	LeftBehind []string `json:"left_behind,omitempty"`

	Rows int64         `json:"rows"` // of the source
	Took time.Duration `json:"took"`
}

// TableReport is one imported table. Source and shards agreed on all of it.
type TableReport struct {
	Table    string             `json:"table"`
	Kind     string             `json:"kind"`
	Rows     int64              `json:"rows"`      // in the source
	Shards   map[shard.ID]int64 `json:"shards"`    // rows on each; for a reference table all of them everywhere
	Checksum string             `json:"checksum"`  // sum over the rows of a hash of the row's text
	CopyTook time.Duration      `json:"copy_took"` //
}

// Run imports the source's tables into the shards of db, as the migrator of the
// configuration. The tables must exist and be registered, with every column
// that the source has, and be empty; nobody else can write to them meanwhile.
// Sequences are moved past the imported numbers afterwards.
//
// It refuses with [*RefusedError] before anything is copied, and fails with
// [*VerifyError] or [*PartialError].
func Run(ctx context.Context, db *router.DB, o Options) (*Report, error) {
	if o.From == nil {
		return nil, errors.New("import: Options.From is nil; say which database to copy")
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	started := time.Now()
	im := &importation{db: db, opts: o, slots: db.Map()}
	defer im.close()
	for _, step := range []func(context.Context) error{
		im.openSource, im.openShards, im.choose, im.prepare, im.copyAll, im.verifyAll,
	} {
		err := step(ctx)
		if stopped := ctx.Err(); stopped != nil {
			return nil, fmt.Errorf("import: stopped, and nothing was committed: %w", stopped)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := im.commit(ctx); err != nil {
		return nil, err
	}
	if err := im.finish(ctx); err != nil {
		return nil, err
	}
	im.report.Took = time.Since(started)
	return &im.report, nil
}

// importation is one run.
type importation struct {
	db    *router.DB
	opts  Options
	slots *shard.Map // every row is placed by this one version

	source *source
	shards []*target // sorted by id
	tables []*table  // to import, referred ones first
	report Report
}

func (im *importation) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if im.source != nil {
		_ = im.source.conn.Close(ctx)
	}
	for _, t := range im.shards {
		_ = t.conn.Close(ctx) // an open transaction is rolled back by it
	}
}

func (im *importation) shard(id shard.ID) *target {
	for _, t := range im.shards {
		if t.id == id {
			return t
		}
	}
	return nil
}
