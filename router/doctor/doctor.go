package doctor

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

// Level says how bad a finding is.
type Level string

// The levels, worst first.
const (
	Problem Level = "problem" // something does not work, or will give wrong answers
	Warning Level = "warning" // it works and should not stay so
	Note    Level = "note"    // nothing to do now; what a later feature will need
)

// Finding is one thing that the doctor found.
type Finding struct {
	Level    Level  `json:"level"`
	Check    string `json:"check"`    // which check it came from: a stable name, such as "budget"
	Subject  string `json:"subject"`  // "shard s1", "instance pg-a", "cluster"
	Sentence string `json:"sentence"` // what is the case
	Remedy   string `json:"remedy"`   // what to do
}

// Report is all findings, worst first, then by subject.
type Report struct {
	Findings []Finding      `json:"findings"`
	Shards   []ShardReport  `json:"shards"`  // sorted by id
	Servers  []ServerReport `json:"servers"` // sorted by instance; those that answered
	Checks   []string       `json:"checks"`  // what was looked at
}

// ShardReport is one shard as it was found.
type ShardReport struct {
	Shard      shard.ID `json:"shard"`
	Instance   string   `json:"instance"`
	Database   string   `json:"database"`
	Slots      int      `json:"slots"`            // hash slots that its copy of the map gives it
	MapVersion uint64   `json:"map_version"`      // of its copy
	Migration  *int64   `json:"migration"`        // last applied version; nil before the first
	Tables     int      `json:"tables"`           // registered
	Failed     string   `json:"failed,omitempty"` // why it could not be looked at
}

// ServerReport is one server as it was found.
type ServerReport struct {
	Instance       string `json:"instance"`
	Version        string `json:"version"`
	MaxConnections int    `json:"max_connections"`
	Reserved       int    `json:"reserved"` // of them, for superusers
	Budgeted       int    `json:"budgeted"` // what the configuration lets all processes hold
	InUse          int    `json:"in_use"`   // client backends of other roles at this moment
}

// Healthy reports whether there is neither a problem nor a warning.
func (r *Report) Healthy() bool { return r.Count(Problem) == 0 && r.Count(Warning) == 0 }

// Count is how many findings have the level.
func (r *Report) Count(l Level) (n int) {
	for _, f := range r.Findings {
		if f.Level == l {
			n++
		}
	}
	return n
}

// Run examines every shard of the configuration. The error is about the
// configuration itself; whatever the servers say is a finding.
func Run(ctx context.Context, cfg router.Config) (*Report, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("doctor: the configuration is not usable:\n%w", err)
	}
	x := &examination{cfg: cfg}
	x.look(ctx)
	for _, check := range checks {
		x.now = check.name
		check.run(x)
		x.report.Checks = append(x.report.Checks, check.name)
	}
	x.summarise()
	slices.SortStableFunc(x.report.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(rank(a.Level), rank(b.Level)), cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Check, b.Check),
			cmp.Compare(a.Sentence, b.Sentence))
	})
	x.report.Findings = slices.Compact(x.report.Findings)
	return &x.report, nil
}

func rank(l Level) int { return slices.Index([]Level{Problem, Warning, Note}, l) }

// checks run in this order, each on the facts that look has gathered.
var checks = []struct {
	name string
	run  func(*examination)
}{
	{"reachable", (*examination).reachable},
	{"identity", (*examination).identity},
	{"poolers", (*examination).poolers},
	{"one server", (*examination).oneServer},
	{"versions", (*examination).versions},
	{"encoding", (*examination).encoding},
	{"settings", (*examination).settings},
	{"rights", (*examination).rights},
	{"budget", (*examination).budget},
	{"slot map", (*examination).slotMap},
	{"tables", (*examination).tables},
	{"migrations", (*examination).migrations},
}

// examination is one run.
type examination struct {
	cfg     router.Config
	shards  []*facts  // sorted by id
	twinned []twinned // instances that started at one moment
	now     string    // the check that runs
	report  Report
}

func (x *examination) add(l Level, subject, sentence, remedy string) {
	x.report.Findings = append(x.report.Findings,
		Finding{Level: l, Check: x.now, Subject: subject, Sentence: sentence, Remedy: remedy})
}

func (f *facts) subject() string { return "shard " + string(f.id) }

// look gathers the facts of all shards, some at a time.
func (x *examination) look(ctx context.Context) {
	ids := slices.Sorted(maps.Keys(x.cfg.Shards))
	x.shards = make([]*facts, len(ids))
	room := make(chan struct{}, 8)
	var wg sync.WaitGroup
	for i, id := range ids {
		room <- struct{}{}
		wg.Go(func() {
			defer func() { <-room }()
			x.shards[i] = look(ctx, x.cfg, id)
		})
	}
	wg.Wait()
	x.lookForTwins(ctx)
}

// answered are the shards that could be looked at as the app.
func (x *examination) answered() []*facts {
	var list []*facts
	for _, f := range x.shards {
		if f.err == nil {
			list = append(list, f)
		}
	}
	return list
}

// perServer calls f once for every instance that answered, with one of its shards.
func (x *examination) perServer(f func(instance string, of *facts)) {
	seen := make(map[string]bool)
	for _, s := range x.answered() {
		if !seen[s.instance] {
			seen[s.instance] = true
			f(s.instance, s)
		}
	}
}

func (x *examination) summarise() {
	for _, f := range x.shards {
		s := ShardReport{Shard: f.id, Instance: f.instance, Database: f.database, Migration: f.migration}
		if f.err != nil {
			s.Failed = f.err.Error()
		}
		if f.slots != nil {
			s.MapVersion = f.slots.Version()
			for _, r := range f.slots.RangesOf(f.id) {
				s.Slots += max(0, min(int(r.Hi), shard.HashSlots-1)-int(r.Lo)+1)
			}
		}
		if f.registry != nil {
			s.Tables = len(f.registry.Tables())
		}
		x.report.Shards = append(x.report.Shards, s)
	}
	slices.SortFunc(x.report.Servers, func(a, b ServerReport) int { return cmp.Compare(a.Instance, b.Instance) })
}
