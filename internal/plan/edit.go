package plan

import (
	"slices"
	"strconv"
	"strings"

	"github.com/keyway-go/keyway/internal/catalog"
)

// edit replaces text[at:to].
type edit struct {
	at, to int
	text   string
}

// apply makes the edits, which do not overlap. Those at one place keep their order.
func apply(text string, edits []edit) string {
	if len(edits) == 0 {
		return text
	}
	slices.SortStableFunc(edits, func(a, b edit) int { return a.at - b.at })
	var b strings.Builder
	from := 0
	for _, e := range edits {
		if e.at < from || e.to < e.at || e.to > len(text) {
			panic("bug: plan: edits overlap")
		}
		b.WriteString(text[from:e.at])
		b.WriteString(e.text)
		from = e.to
	}
	b.WriteString(text[from:])
	return b.String()
}

// extras numbers the arguments that are appended after the caller's.
type extras struct {
	next int
	list []extra
}

// maxArguments is how many PostgreSQL's protocol can count.
const maxArguments = 65535

// room reports whether n more arguments can be sent.
func (x *extras) room(n int) bool { return x.next+len(x.list)+n <= maxArguments }

// part returns the $n that holds part i of the scope's key for a column of t's type.
func (x *extras) part(t *catalog.Table, i int) string {
	e := extra{part: i, parts: len(t.Key), typ: t.Key[i].Type, row: -1}
	for n, o := range x.list {
		if o == e {
			return x.name(n)
		}
	}
	x.list = append(x.list, e)
	return x.name(len(x.list) - 1)
}

// slot returns the $n that holds the slot of row i.
func (x *extras) slot(i int) string {
	x.list = append(x.list, extra{row: i})
	return x.name(len(x.list) - 1)
}

func (x *extras) name(n int) string { return "$" + strconv.Itoa(x.next+n+1) }
