package plan_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/plan"
)

func named(schema, name string, immutable bool) *catalog.Function {
	return &catalog.Function{Schema: schema, Name: name, Signatures: []catalog.Signature{
		{Arguments: "pg_catalog.int4", Definition: "1", Immutable: true}, {Arguments: "pg_catalog.text", Definition: "2", Immutable: immutable},
	}}
}

func TestRegisteredFunctionsAreCalledByTheirNamesAlone(t *testing.T) {
	reg := fixture.WithFunctions(77, named("app", "price", true), named("app", "label", false), named("tax", "vat", true),
		named("app", "count", true), named("app", "unnest", true))
	const of = " from orders where tenant_id = 1"
	for sql, want := range map[string]string{
		"select price(total)" + of:                                    "",
		"select app.price(total), tax.vat(total)" + of:                "",
		"select label(state)" + of:                                    "",
		"select id" + of + " and price(total) > 3":                    "",
		"insert into orders (tenant_id, total) values (1, price($1))": "",
		"select vat(total)" + of:                                      "may read tables", // not on the search_path
		"select tax.price(total)" + of:                                "may read tables",
		"select other(total)" + of:                                    "keyway.local_function",
		"select app.count(total)" + of:                                "may read tables", // what is read by that name is PostgreSQL's
		"select app.unnest(tags)" + of:                                "may read tables",
		"select pg_catalog.price(total)" + of:                         "may read tables",
		"select price(distinct total)" + of:                           "is called as it cannot be",
		"select price(total) over ()" + of:                            "is called as it cannot be",
		"select price(variadic tags)" + of:                            "is called as it cannot be",
		"select id from orders where tenant_id = price(7)":            "no shard key",
	} {
		_, err := plan.Build(sql, reg, "app", plan.Unscoped)
		if want == "" {
			require.NoError(t, err, sql)
			_, err = plan.Build(sql, fixture, "app", plan.Unscoped)
			require.Error(t, err, "not registered: %s", sql)
			continue
		}
		require.ErrorContains(t, err, want, sql)
	}
}

func TestOnSeveralShardsOnlyImmutableFunctionsAreCalled(t *testing.T) {
	reg := fixture.WithFunctions(77, named("app", "price", true), named("app", "label", false))
	_, err := plan.BuildScatter("select price(total), count(*) from orders group by 1 order by 1", reg, "app", false)
	require.NoError(t, err)
	_, err = plan.BuildScatter("select label(state) from orders", reg, "app", false)
	require.ErrorContains(t, err, "is STABLE")
}
