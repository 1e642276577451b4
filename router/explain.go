package router

import (
	"fmt"
	"slices"
	"strings"

	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/shard"
)

// Plan says what would happen to a statement. It is a value for people and tests; nothing was sent.
type Plan struct {
	Verb     string   `json:"verb"`   // "SELECT", "INSERT", "UPDATE", "DELETE"
	Target   string   `json:"target"` // "key", "key list", "any shard", "home shard"
	ReadOnly bool     `json:"read_only"`
	Tables   []string `json:"tables"`

	// KeyTable is the table whose key decides, KeyColumns its key; empty where no sharded table is named.
	KeyTable   string   `json:"key_table,omitempty"`
	KeyColumns []string `json:"key_columns,omitempty"`

	// KeySource is where the key's value comes from ("from $2", "from a constant", "from the handle"), never the value;
	// empty without arguments.
	KeySource string `json:"key_source,omitempty"`

	Slot       shard.Slot `json:"slot"` // with target "key" and arguments
	Shard      shard.ID   `json:"shard,omitempty"`
	Instance   string     `json:"instance,omitempty"`
	MapVersion uint64     `json:"map_version"`

	Text   string `json:"text"`   // what is sent
	Params int    `json:"params"` // how many arguments the caller gives
	Sent   int    `json:"sent"`   // how many are sent, with those that are appended

	// NoArgs says that the arguments were left out, so that the shard is not known.
	NoArgs bool `json:"no_args,omitempty"`

	// Several is set when the statement reads keys that live on several shards, which are then asked as [DB.Scatter] asks
	// them; there is no Shard then.
	Several *ScatterPlan `json:"several,omitempty"`
}

// Explain says where a statement would run and what would be sent, without sending it. A statement that would be
// refused gives the same error as [DB.Query]. Without the arguments of a statement that has some, the plan has no shard.
func (db *DB) Explain(sql string, args ...any) (Plan, error) {
	return db.explain(shard.Key{}, sql, args)
}

func (db *DB) explain(key shard.Key, sql string, args []any) (Plan, error) {
	snap := db.current.Load()
	c := call{db: db, sql: sql, args: args, key: key, snap: snap}
	if len(args) > 0 {
		if err := c.options(); err != nil {
			return Plan{}, err
		}
	}
	scope := plan.Unscoped
	if !key.IsZero() {
		scope = plan.Scoped
	}
	p, err := db.plans.Get(c.sql, snap.registry, db.schema, scope)
	if err != nil {
		return Plan{}, refused(c.sql, err)
	}
	out := Plan{
		Verb: p.Verb, Target: p.Target.String(), ReadOnly: p.ReadOnly, Tables: p.Tables,
		KeyTable: p.KeyTable, KeyColumns: p.KeyColumns, Slot: shard.NoSlot,
		MapVersion: snap.slots.Version(), Text: p.Text, Params: p.Params,
	}
	if len(c.args) == 0 && p.Params > 0 {
		out.NoArgs = true
		return out, nil
	}
	b, err := p.Bind(c.args, key)
	if err != nil {
		return out, c.mismatch(snap, p, err)
	}
	out.Target, out.Sent = b.Target.String(), len(b.Args)
	out.KeySource = keyFrom(p, key, c.args, b)
	var n *node
	if b.Target == plan.ToKey {
		out.Slot = b.Key.Slot()
		n, err = snap.owner(out.Slot)
	} else {
		n, err = snap.target(p, b, key)
	}
	if c.plan = p; c.reads(err) {
		several, why := db.Scatter().Explain(sql, args...)
		out.Several = &several
		return out, because(err, why)
	}
	if err != nil {
		return out, err
	}
	out.Shard, out.Instance = n.id, n.instance
	return out, nil
}

// String is the plan in lines for a person.
func (p Plan) String() string {
	if p.Several != nil {
		return p.Several.String()
	}
	var b strings.Builder
	line := func(name, format string, args ...any) {
		b.WriteString(explained(name, fmt.Sprintf(format, args...)))
	}
	line("kind", "%s, for %s", p.kind(), p.Target)
	if len(p.Tables) > 0 {
		line("tables", "%s", strings.Join(p.Tables, ", "))
	}
	if p.KeyTable != "" {
		line("key", "%s", strings.TrimSpace(fmt.Sprintf("%s (%s) %s", p.KeyTable, strings.Join(p.KeyColumns, ", "), p.KeySource)))
	}
	switch {
	case p.NoArgs:
		line("shard", "not known without the arguments (%d)", p.Params)
	case p.Slot != shard.NoSlot:
		line("slot", "%d", p.Slot)
		line("shard", "%s on instance %s", p.Shard, p.Instance)
	default:
		line("shard", "%s on instance %s", p.Shard, p.Instance)
	}
	line("map", "version %d", p.MapVersion)
	line("text", "%s", p.Text)
	return b.String()
}

// explained is a line of a plan. A text of several lines keeps them, below each other.
func explained(name, text string) string {
	return fmt.Sprintf("%-8s %s\n", name, strings.ReplaceAll(text, "\n", "\n         "))
}

func (p Plan) kind() string {
	if p.ReadOnly {
		return p.Verb + ", read only"
	}
	return p.Verb
}

// keyFrom says where the key's value comes from. A parameter is a source when the plan cannot be bound to the same key
// without it, which binding itself answers best.
func keyFrom(p *plan.Plan, key shard.Key, args []any, bound plan.Binding) string {
	var sources []string
	for i := range args {
		without := slices.Clone(args)
		without[i] = nil
		b, err := p.Bind(without, key)
		if err != nil || b.Target != bound.Target || b.Key != bound.Key || len(b.Keys) != len(bound.Keys) {
			sources = append(sources, fmt.Sprintf("$%d", i+1))
		}
	}
	switch {
	case p.KeyTable == "":
		return ""
	case len(sources) > 0:
		return "from " + strings.Join(sources, ", ")
	case !key.IsZero():
		return "from the handle"
	default:
		return "from a constant"
	}
}
