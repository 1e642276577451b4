package assess

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/plan"
)

// Verdict says what would become of a statement on a handle that the statement decides on, router.DB.
type Verdict string

// The verdicts. The last three are set apart: they are not routed statements.
const (
	OneKey    Verdict = "one key"   // goes to the shard of its key
	KeyList   Verdict = "key list"  // has several keys; goes to the one shard that has them all, else it is refused or scattered
	AnyShard  Verdict = "any shard" // reads reference tables only, or none
	HomeShard Verdict = "home"      // goes to the home of its tables
	Scatters  Verdict = "scatters"  // refused on DB; the rows of all shards can be put together exactly, where a program asks for that
	Refused   Verdict = "refused"
	Utility   Verdict = "utility" // not SELECT, INSERT, UPDATE, DELETE or MERGE; their texts are not shown
	Catalogs  Verdict = "catalog" // reads system catalogs, or what an extension made
	Hidden    Verdict = "hidden"  // its text may not be read
)

// Routes reports whether the statement would run as it is. Statements that are set apart count as such.
func (v Verdict) Routes() bool { return v != Scatters && v != Refused }

func (v Verdict) isApart() bool { return v == Utility || v == Catalogs || v == Hidden }

// StatementReport is one statement and its verdict.
type StatementReport struct {
	// Text is the statement without comments and literals; empty for those that are set apart and where it cannot be
	// made sure that none is left.
	Text         string  `json:"text"`
	Calls        int64   `json:"calls"`
	Milliseconds float64 `json:"milliseconds"`
	Verdict      Verdict `json:"verdict"`
	Reason       string  `json:"reason,omitempty"` // why it does not route: a stable name
	Detail       string  `json:"detail,omitempty"`
	Hint         string  `json:"hint,omitempty"`
	// WithKey says that it routes when its caller names the key: router.WithKey, DB.ForKey. It then sees that key's
	// rows only.
	WithKey bool `json:"with_key"`
}

// Share is a part of the statements.
type Share struct {
	Statements   int     `json:"statements"`
	Calls        int64   `json:"calls"`
	Milliseconds float64 `json:"milliseconds"`
}

func (s *Share) add(r StatementReport) {
	s.Statements++
	s.Calls += r.Calls
	s.Milliseconds += r.Milliseconds
}

// StatementsReport is what would become of the statements.
type StatementsReport struct {
	Source string `json:"source"`         // "pg_stat_statements", "file", or empty when there are none to be had
	Note   string `json:"note,omitempty"` // why there are none, or not all, and how to get them

	Share // of all that were judged; those that are set apart do not count

	Routes    Share             `json:"routes"`   // as they are
	WithKey   Share             `json:"with_key"` // of the others: those that route when their caller names the key
	ByVerdict map[Verdict]Share `json:"by_verdict"`
	List      []StatementReport `json:"list"` // refused first, then what scatters, then the rest; costliest first
}

// judgeAll judges every statement under the proposal.
func (db *database) judgeAll(p *proposal, list []*statement) StatementsReport {
	r := StatementsReport{Source: db.source, Note: db.sourceNote, ByVerdict: make(map[Verdict]Share), List: []StatementReport{}}
	j := db.judge(p)
	for _, s := range list {
		one := j.report(s)
		share := r.ByVerdict[one.Verdict]
		share.add(one)
		r.ByVerdict[one.Verdict] = share
		r.List = append(r.List, one)
		if one.Verdict.isApart() {
			continue
		}
		r.add(one)
		if one.Verdict.Routes() {
			r.Routes.add(one)
		} else if one.WithKey {
			r.WithKey.add(one)
		}
	}
	if n := r.ByVerdict[Hidden].Statements; n > 0 && r.Note == "" {
		r.Note = "the texts of some statements may not be read: grant pg_read_all_stats to the role"
	}
	slices.SortStableFunc(r.List, func(a, b StatementReport) int {
		return cmp.Or(cmp.Compare(severity(a.Verdict), severity(b.Verdict)), cmp.Compare(b.Milliseconds, a.Milliseconds),
			cmp.Compare(b.Calls, a.Calls), cmp.Compare(a.Text, b.Text))
	})
	return r
}

func severity(v Verdict) int {
	return slices.Index([]Verdict{Refused, Scatters, KeyList, OneKey, AnyShard, HomeShard, Catalogs, Utility, Hidden}, v)
}

type judge struct {
	registry *catalog.Registry
	schema   string
	members  map[string]bool    // relations that extensions made
	views    map[string]bool    // materialized ones too
	noKind   map[string]*placed // the undecided
	sharded  map[string]*placed
	parts    map[string]*table // partitions, with the whole
}

func (db *database) judge(p *proposal) *judge {
	j := &judge{
		registry: p.registry(), schema: db.schema,
		members: make(map[string]bool), views: make(map[string]bool), noKind: make(map[string]*placed),
		sharded: make(map[string]*placed), parts: make(map[string]*table),
	}
	for _, o := range db.objects {
		switch o.Kind {
		case "member":
			j.members[o.Name] = true
		case "view", "materialized view":
			j.views[o.Name] = true
		case "partition":
			j.parts[o.Name] = db.byOID[o.Table]
		}
	}
	for _, x := range p.tables {
		switch x.kind {
		case Undecided:
			j.noKind[x.String()] = x
		case Sharded:
			j.sharded[x.String()] = x
		default:
		}
	}
	return j
}

// unknown says of a relation that would not be registered what it is.
func (j *judge) unknown(r *StatementReport, relation string) {
	if x := j.noKind[relation]; x != nil {
		r.Detail = x.Name + " has no kind yet: " + x.because
		r.Hint = cmp.Or(x.why, "see the obstacles of "+x.Name)
	} else if whole := j.parts[relation]; whole != nil {
		r.Detail = relation + " is a partition, and only the whole is registered"
		r.Hint = "name " + whole.Name + " in the statement"
	} else if j.views[relation] {
		r.Detail = relation + " is a view, whose text is not read"
		r.Hint = "write its query in the statement, or read it on one shard with db.Shard(id)"
	}
}

// makesKeys reports whether a new row of the table is a new key: its key alone is its primary key.
func (p *placed) makesKeys() bool {
	k := p.primary()
	return k != nil && len(p.key) == 1 && slices.Equal(k.Columns, p.key)
}

func (j *judge) report(s *statement) StatementReport {
	r := StatementReport{Text: s.shown, Calls: s.Calls, Milliseconds: s.Milliseconds, Verdict: s.apart}
	if s.apart != "" {
		return r
	}
	p, err := plan.Build(s.Query, j.registry, j.schema, plan.Unscoped)
	if err == nil {
		r.Verdict = map[plan.Target]Verdict{plan.ToKey: OneKey, plan.ToKeyList: KeyList, plan.ToAny: AnyShard, plan.ToHome: HomeShard}[p.Target]
		return r
	}
	refusal, ok := errors.AsType[*plan.Refusal](err)
	if !ok {
		panic("bug: plan.Build returned something else than a refusal: " + err.Error())
	}
	if refusal.Reason == plan.CatalogTable || refusal.Reason == plan.UnknownTable && j.members[refusal.Table] {
		r.Verdict, r.Text = Catalogs, ""
		return r
	}
	r.Verdict, r.Reason, r.Detail, r.Hint = Refused, refusal.Reason.String(), refusal.Detail, refusal.Hint
	if _, err := plan.Build(s.Query, j.registry, j.schema, plan.Scoped); err == nil {
		r.WithKey = true
	}
	if _, err := plan.BuildScatter(s.Query, j.registry, j.schema, false); err == nil {
		r.Verdict = Scatters
	}
	if refusal.Reason == plan.UnknownTable {
		j.unknown(&r, refusal.Table)
	}
	if x := j.sharded[refusal.Table]; refusal.Reason == plan.NoShardKey && x != nil && x.makesKeys() && strings.HasPrefix(strings.ToLower(r.Text), "insert") {
		r.WithKey = false
		r.Hint = fmt.Sprintf("make %s in the program and name it in the statement: it says which shard the row is on, so no shard can make it", x.key[0])
	}
	return r
}
