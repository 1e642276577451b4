package plan

import (
	"strconv"
	"strings"
)

// behind writes the condition of the rows that come after one row. For an order a, b with the values x, y that is
//
//	a > x or (a = x and b > y)
//
// where "a > x" takes in NULLs if they come last, and every part is what the server can say of NULLs too. Where it does
// not change the rows, it is put so that an index on the order's columns is entered at x.
type behind struct {
	page   *Page
	after  []*string
	args   []any
	params []string // of the values, "" before their first use
}

const nothing = "false"

func (w *behind) condition() string {
	w.params = make([]string, len(w.after))
	if w.alike(0) {
		return w.from(0)
	}
	first := &w.page.Order[0]
	cond := w.from(0)
	if w.after[0] == nil || first.Nullable && !first.NullsFirst {
		return cond
	}
	return first.Text + first.operator() + "= " + w.value(0) + " and (" + cond + ")"
}

// from is the condition on the columns from i, supposing those before are equal.
func (w *behind) from(i int) string {
	if w.alike(i) {
		return w.row(i)
	}
	greater := w.greater(i)
	if i == len(w.after)-1 {
		return greater
	}
	same := w.same(i) + " and (" + w.from(i+1) + ")"
	if greater == nothing {
		return same
	}
	return greater + " or " + same
}

// alike reports whether the columns from i compare as a row: at least two, of one direction, none of them ever NULL.
func (w *behind) alike(i int) bool {
	order := w.page.Order[i:]
	for n := range order {
		if order[n].Nullable || order[n].Desc != order[0].Desc || w.after[i+n] == nil {
			return false
		}
	}
	return len(order) > 1
}

func (w *behind) row(i int) string {
	var columns, values []string
	for n := i; n < len(w.after); n++ {
		columns = append(columns, w.page.Order[n].Text)
		values = append(values, w.value(n))
	}
	return "(" + strings.Join(columns, ", ") + ")" + w.page.Order[i].operator() + " (" + strings.Join(values, ", ") + ")"
}

func (w *behind) greater(i int) string {
	c := &w.page.Order[i]
	switch {
	case w.after[i] == nil && c.NullsFirst:
		return c.Text + " is not null"
	case w.after[i] == nil:
		return nothing
	case c.Nullable && !c.NullsFirst:
		return "(" + c.Text + c.operator() + " " + w.value(i) + " or " + c.Text + " is null)"
	}
	return c.Text + c.operator() + " " + w.value(i)
}

func (w *behind) same(i int) string {
	if w.after[i] == nil {
		return w.page.Order[i].Text + " is null"
	}
	return w.page.Order[i].Text + " = " + w.value(i)
}

// value is the parameter of value i.
func (w *behind) value(i int) string {
	if w.params[i] == "" {
		w.args = append(w.args, *w.after[i])
		w.params[i] = "$" + strconv.Itoa(w.page.params+len(w.args)) + "::" + w.page.Order[i].cast()
	}
	return w.params[i]
}

// operator is what a later value is to an earlier one.
func (c *PageColumn) operator() string {
	if c.Desc {
		return " <"
	}
	return " >"
}
