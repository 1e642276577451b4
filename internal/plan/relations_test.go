package plan_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/plan"
)

func TestRelationsAreAllThatATextNames(t *testing.T) {
	for text, want := range map[string]string{
		"select 1": "",
		"select * from a, b.c join d using (x) where exists (select from e)": "public.a b.c public.d public.e",
		"insert into a select * from b":                                      "public.a! public.a public.b",
		"update a set x = (select 1 from c) from b":                          "public.a! public.a public.c public.b",
		"delete from a using b":                                              "public.a! public.a public.b",
		"merge into a using b on a.x = b.x when matched then delete":         "public.a! public.a public.b",
		"with a as (select * from a) select * from a, z.a":                   "public.a? public.a? z.a",
		"with x as (insert into b values (1) returning *) select * from x":   "public.b! public.b public.x?",
		"table a": "public.a",
		"select * from a tablesample system (1), lateral (select * from b) s, f(1) g":                                        "public.a public.b",
		"select * from a union select * from b except (select * from c for update)":                                          "public.a public.b public.c",
		"select x, (select max(y) from b), array(select 1 from c) from a order by (select 1 from d) limit (select 1 from e)": "public.b public.c public.a public.d public.e",
	} {
		got, err := plan.Relations(text, "public")
		require.NoError(t, err, text)
		var words []string
		for _, r := range got {
			w := r.Schema + "." + r.Name
			if r.Written {
				w += "!"
			}
			if r.MayBeCTE {
				w += "?"
			}
			words = append(words, w)
		}
		require.Equal(t, want, strings.Join(words, " "), text)
	}
	for _, text := range []string{"", "set x to 1", "truncate a", "select from where", "listen a", "select 1; select 2"} {
		_, err := plan.Relations(text, "public")
		require.Error(t, err, text)
	}
}
