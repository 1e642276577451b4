package plan

import (
	"regexp"
	"strings"
)

// pageType is a type by whose values pages are read on: a value's text, read again on whichever server and with whatever
// settings, is the same value.
type pageType struct {
	cast string // the name to cast a text with
	// prints is what the text must look like where settings decide on it; nil where none do.
	prints *regexp.Regexp
	float  bool // extra_float_digits may drop digits
}

// isoDate begins a date, with or without time, under DateStyle ISO, which every DateStyle reads alike.
var isoDate = regexp.MustCompile(`^(\d{4,}-\d\d-\d\d( \d\d:\d\d:\d\d(\.\d+)?([+-]\d\d(:\d\d){0,2})?)?( BC)?|-?infinity)$`)

// unitInterval is an interval under IntervalStyle postgres, which every IntervalStyle reads alike.
var unitInterval = regexp.MustCompile(`^(([+-]?\d+ (year|mon|day)s? ?)*([+-]?\d+:\d\d:\d\d(\.\d+)?)?|-?infinity)$`)

// inexactFloat is printed for a float whose text is another float.
const inexactFloat = "?"

var number = regexp.MustCompile(`^(-?[0-9.]+(e[+-]?\d+)?|-?Infinity|NaN)$`)

var pageTypes = map[string]*pageType{
	"boolean": {cast: "boolean"}, "smallint": {cast: "smallint"}, "integer": {cast: "integer"}, "bigint": {cast: "bigint"},
	"numeric": {cast: "numeric"}, "real": {cast: "real", float: true, prints: number},
	"double precision": {cast: "double precision", float: true, prints: number}, "oid": {cast: "oid"}, "xid8": {cast: "xid8"},
	"date": {cast: "date", prints: isoDate}, "timestamp without time zone": {cast: "timestamp", prints: isoDate},
	"timestamp with time zone": {cast: "timestamptz", prints: isoDate}, "time without time zone": {cast: "time"},
	"time with time zone": {cast: "timetz"}, "interval": {cast: "interval", prints: unitInterval},
	"uuid": {cast: "uuid"}, "bytea": {cast: "bytea"}, "name": {cast: "name"}, `"char"`: {cast: `"char"`}, "text": {cast: "text"},
	"character varying": {cast: "text"}, "character": {cast: "bpchar"}, "bpchar": {cast: "bpchar"}, "inet": {cast: "inet"},
	"cidr": {cast: "cidr"}, "macaddr": {cast: "macaddr"}, "macaddr8": {cast: "macaddr8"}, "bit": {cast: "varbit"},
	"bit varying": {cast: "varbit"}, "pg_lsn": {cast: "pg_lsn"},
}

var typeModifier = regexp.MustCompile(`\([^)]*\)`)

// pageTypeOf reads a type as format_type prints it; nil for one by whose values pages are not read on.
func pageTypeOf(name string) (t *pageType, array bool) {
	name = typeModifier.ReplaceAllString(name, "")
	name, array = strings.CutSuffix(name, "[]")
	if strings.HasPrefix(name, "interval ") {
		name = "interval"
	}
	t = pageTypes[name]
	if t != nil && array && (t.prints != nil || t.cast == "bytea") {
		return nil, true // how its elements print cannot be seen
	}
	return t, array
}

// print is the expression of the value's text.
func (c *PageColumn) print() string {
	if !c.as.float {
		return "(" + c.Text + ")::text"
	}
	return "case when " + c.Text + " is null then null when (" + c.Text + ")::text::" + c.as.cast + " = " + c.Text + " then (" +
		c.Text + ")::text else '" + inexactFloat + "' end"
}

// Printed reports whether a text that a server printed for the column is the value's wherever it is read.
func (c *PageColumn) Printed(text *string) bool {
	return text == nil || c.as.prints == nil || c.as.prints.MatchString(*text)
}

// cast is what the parameter is cast to.
func (c *PageColumn) cast() string {
	if c.array {
		return c.as.cast + "[]"
	}
	return c.as.cast
}
