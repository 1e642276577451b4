package router

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/shard"
)

// ScatterPlan says what would happen to a statement over several shards. It is a value for people and tests; nothing was
// sent.
type ScatterPlan struct {
	// Combine is how the shards' rows become the result: "concatenated", "merged in order", "folded" or "finished by a
	// server"; empty when one shard answers. What is merged or folded may turn out to have types whose order cannot be
	// followed outside a server, which then finishes it.
	Combine string `json:"combine,omitempty"`

	// Cut is how many rows each shard is asked for at first, when that is fewer than the LIMIT and OFFSET in Text. Where a
	// shard turns out to have more rows of the result, the statement is sent again as in Text. It is 0 where a server
	// finishes the statement, and where [MaxConns] lets shards be read in turns: each is then asked for all at once.
	Cut int64 `json:"cut,omitempty"`

	// One is set when the statement goes to one shard like any other; nothing else is then.
	One *Plan `json:"one,omitempty"`

	// Shards are those asked, in the order of the map; empty with NoArgs.
	Shards []ScatterShare `json:"shards,omitempty"`

	Tables     []string `json:"tables,omitempty"`
	MapVersion uint64   `json:"map_version"`

	// NoArgs says that the arguments were left out, so that the shards are not known.
	NoArgs bool `json:"no_args,omitempty"`
}

// ScatterShare is what one shard would be sent.
type ScatterShare struct {
	Shard    shard.ID `json:"shard"`
	Instance string   `json:"instance"`
	Keys     int      `json:"keys,omitempty"` // how many keys of a list are its own
	Text     string   `json:"text"`           // without the question whether the shard owns its slots, which is sent with it
	Sent     int      `json:"sent"`           // how many arguments are sent
}

// Explain says which shards would be asked what, and how their rows would become the result, without sending anything.
// A statement that would be refused gives the same error as [ScatterDB.Query], except for what only the servers can
// tell. Without the arguments of a statement that has some, the plan has no shards.
func (s *ScatterDB) Explain(sql string, args ...any) (ScatterPlan, error) {
	r := &scatterRows{opts: s.opts}
	r.db, r.ctx, r.sql, r.args = s.db, context.Background(), sql, args
	snap := s.db.current.Load()
	out := ScatterPlan{MapVersion: snap.slots.Version()}
	if len(args) == 0 {
		p, err := s.db.plans.Scatter(sql, snap.registry, s.db.schema, s.opts.approximate)
		if err != nil {
			return out, refused(sql, err)
		}
		if p.Params > 0 {
			out.NoArgs, out.Tables = true, p.Tables
			return out.combined(p), nil
		}
	}
	if err := r.resolveBy(snap); err != nil {
		return out, err
	}
	out.Tables = r.scatter.Tables
	if r.isSingle() {
		one, err := s.db.Explain(sql, args...)
		out.One = &one
		return out, err
	}
	if err := r.divisible(); err != nil {
		return out, err
	}
	parts, err := snap.parts(r.binding.Few, r.binding.Keys)
	if err != nil {
		return out, err
	}
	if !needsServer(r.scatter) && !s.opts.inTurns(len(parts)) {
		out.Cut = r.binding.CutTo(len(parts))
	}
	for _, p := range parts {
		text, sent := r.binding.Shard(plan.Unasked, p.owned.ranges, p.keys, time.Time{})
		out.Shards = append(out.Shards, ScatterShare{Shard: p.id, Instance: p.instance, Keys: len(p.keys), Text: text, Sent: len(sent)})
	}
	return out.combined(r.scatter), nil
}

func (p ScatterPlan) combined(s *plan.Scatter) ScatterPlan {
	switch {
	case s.Combine == 0:
	case needsServer(s):
		p.Combine = plan.Finished.String()
	default:
		p.Combine = s.Combine.String()
	}
	return p
}

// String is the plan in lines for a person.
func (p ScatterPlan) String() string {
	if p.One != nil {
		return p.One.String()
	}
	var b strings.Builder
	line := func(name, format string, args ...any) {
		b.WriteString(explained(name, fmt.Sprintf(format, args...)))
	}
	if p.Combine != "" {
		line("rows", "%s", p.Combine)
	}
	if p.Cut > 0 {
		line("limit", "each shard is asked for %d rows first", p.Cut)
	}
	if len(p.Tables) > 0 {
		line("tables", "%s", strings.Join(p.Tables, ", "))
	}
	line("map", "version %d", p.MapVersion)
	if p.NoArgs {
		line("shards", "not known without the arguments")
	}
	for _, s := range p.Shards {
		at := fmt.Sprintf("%s on instance %s", s.Shard, s.Instance)
		if s.Keys > 0 {
			at += fmt.Sprintf(", for %d of the keys", s.Keys)
		}
		line("shard", "%s", at)
		line("text", "%s", s.Text)
	}
	return b.String()
}
