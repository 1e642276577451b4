package plan_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/shard"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// table describes a table of the fixture: "orders(tenant_id bigint, id bigint)".
func table(kind catalog.Kind, name string, key []catalog.KeyColumn, columns ...string) *catalog.Table {
	t := &catalog.Table{Schema: "app", Name: name, Kind: kind, Key: key}
	for _, c := range columns {
		n, typ, _ := strings.Cut(c, " ")
		t.Columns = append(t.Columns, catalog.Column{Name: n, Type: typ})
		t.HasSlot = t.HasSlot || n == "slot" && kind == catalog.Sharded
	}
	return t
}

func key(parts ...any) []catalog.KeyColumn {
	var k []catalog.KeyColumn
	for i := 0; i < len(parts); i += 2 {
		k = append(k, catalog.KeyColumn{Name: parts[i].(string), Type: parts[i+1].(shard.Type)})
	}
	return k
}

// fixture is a registry with every kind of key. The slot stands in the middle of items, as after a column added later.
var fixture = func() *catalog.Registry {
	jobs := table(catalog.Home, "jobs", nil, "id bigint", "tenant_id bigint", "state text")
	jobs.Home = "s0"
	flags := table(catalog.Home, "flags", nil, "name text", "enabled boolean")
	flags.Home = "s1"
	return catalog.NewRegistry(1,
		table(catalog.Sharded, "orders", key("tenant_id", shard.Int8),
			"tenant_id bigint", "id bigint", "plan_id integer", "total integer", "state text", "ratio double precision",
			"price numeric", "ref char(8)", "tags text[]", "slot smallint"),
		table(catalog.Sharded, "items", key("tenant_id", shard.Int8),
			"tenant_id bigint", "order_id bigint", "qty integer", "slot smallint", "sku text"),
		table(catalog.Sharded, "users", key("tenant_id", shard.Int4),
			"id bigint", "tenant_id integer", "name text", "slot smallint"),
		table(catalog.Sharded, "docs", key("org", shard.Text), "org text", "id bigint", "body text", "code character varying(4)", "slot smallint"),
		table(catalog.Sharded, "codes", key("code", shard.Text), "code character varying(4)", "n integer", "slot smallint"),
		table(catalog.Sharded, "devices", key("uid", shard.TypeUUID), "uid uuid", "name text", "slot smallint"),
		table(catalog.Sharded, "seats", key("uid", shard.TextUUID), "uid text", "n integer", "slot smallint"),
		table(catalog.Sharded, "blobs", key("hash", shard.Bytea), "hash bytea", "n integer", "slot smallint"),
		table(catalog.Sharded, "legs", key("region", shard.Text, "num", shard.Int8),
			"region text", "num bigint", "km integer", "slot smallint"),
		table(catalog.Sharded, "adopted", key("tenant_id", shard.Int8), "tenant_id bigint", "n integer"),
		table(catalog.Reference, "plans", nil, "id integer", "name text", "tenant_id bigint", "fee real"),
		table(catalog.Reference, "countries", nil, "code text", "name text"),
		jobs, flags,
	)
}()

// route says in words where a statement goes: "key 7", "list 1 2", "any", "home s0", "refused: reason".
func route(sql string, args ...any) string { return routeIn(plan.Unscoped, shard.Key{}, sql, args...) }

func routeIn(scope plan.Scope, in shard.Key, sql string, args ...any) string {
	p, err := plan.Build(sql, fixture, "app", scope)
	if err != nil {
		return "refused: " + reason(err)
	}
	b, err := p.Bind(args, in)
	if err != nil {
		return "bind: " + reason(err)
	}
	switch b.Target {
	case plan.ToKey:
		return "key " + show(b.Key)
	case plan.ToKeyList:
		words := []string{"list"}
		for _, k := range b.Keys {
			words = append(words, show(k))
		}
		return strings.Join(words, " ")
	case plan.ToHome:
		return "home " + string(p.Home)
	case plan.ToAny:
		return "any"
	default:
		return "no target"
	}
}

func reason(err error) string {
	var r *plan.Refusal
	var k *shard.KeyError
	var m *plan.MismatchError
	switch {
	case errors.As(err, &r):
		return r.Reason.String()
	case errors.As(err, &k):
		return "key error"
	case errors.As(err, &m):
		return "mismatch"
	default:
		return err.Error()
	}
}

func show(k shard.Key) string {
	if k.Len() > 1 {
		var parts []string
		for i := range k.Len() {
			parts = append(parts, show(k.Part(i)))
		}
		return strings.Join(parts, "/")
	}
	return fmt.Sprint(k.Value())
}
