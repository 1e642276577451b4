package shard_test

import (
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/shard"
)

const someUUID = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"

var someUUIDBytes = [16]byte{0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}

var types = []shard.Type{
	shard.Int2, shard.Int4, shard.Int8, shard.Text, shard.TextUUID, shard.TypeUUID, shard.Bytea,
}

// Types as applications have them.
type (
	tenantID   int64
	smallID    uint8
	tenantName string
	blob       []byte

	region  int    // prints its name, as stringer's output does
	loud    string // prints something else than it is
	quiet   string // prints what it is
	gofrs   [16]byte
	ulid    [16]byte // prints itself in another alphabet
	cents   struct{ n int64 }
	valuer  struct{ v driver.Value }
	pointer struct{ v driver.Value } // its Valuer is on the pointer
	looping struct{}
	panics  struct{}
	failing struct{}
	onlyStr struct{}
)

func (region) String() string                 { return "eu" }
func (l loud) String() string                 { return strings.ToUpper(string(l)) }
func (q quiet) String() string                { return string(q) }
func (g gofrs) String() string                { return someUUID }
func (g gofrs) Value() (driver.Value, error)  { return g.String(), nil }
func (ulid) String() string                   { return "01ARZ3NDEKTSV4RRFFQ69G5FAV" }
func (c cents) Value() (driver.Value, error)  { return c.n, nil }
func (v valuer) Value() (driver.Value, error) { return v.v, nil }
func (p *pointer) Value() (driver.Value, error) {
	return p.v, nil
}
func (l looping) Value() (driver.Value, error) { return l, nil }
func (panics) Value() (driver.Value, error)    { panic("secret") }
func (failing) Value() (driver.Value, error)   { return nil, errFailing }
func (onlyStr) String() string                 { return "42" }

var errFailing = errors.New("secret")

//go:fix inline

// accepted are Go arguments with the key they are. The test against a real server goes through the same table.
var accepted = []struct {
	name string
	v    any
	t    shard.Type
	want shard.Key
}{
	{"int", 42, shard.Int8, shard.Int64(42)},
	{"int8", int8(-3), shard.Int2, shard.Int64(-3)},
	{"int16", int16(-300), shard.Int2, shard.Int64(-300)},
	{"int32", int32(70000), shard.Int4, shard.Int64(70000)},
	{"int64 least", int64(math.MinInt64), shard.Int8, shard.Int64(math.MinInt64)},
	{"int64 most", int64(math.MaxInt64), shard.Int8, shard.Int64(math.MaxInt64)},
	{"beyond 2^53", int64(1<<53 + 1), shard.Int8, shard.Int64(1<<53 + 1)},
	{"uint", uint(7), shard.Int4, shard.Int64(7)},
	{"uint8", uint8(255), shard.Int2, shard.Int64(255)},
	{"uint16", uint16(32767), shard.Int2, shard.Int64(32767)},
	{"uint32", uint32(math.MaxUint32), shard.Int8, shard.Int64(math.MaxUint32)},
	{"uint64 most", uint64(math.MaxInt64), shard.Int8, shard.Int64(math.MaxInt64)},
	{"smallint least", math.MinInt16, shard.Int2, shard.Int64(math.MinInt16)},
	{"smallint most", math.MaxInt16, shard.Int2, shard.Int64(math.MaxInt16)},
	{"integer least", math.MinInt32, shard.Int4, shard.Int64(math.MinInt32)},
	{"integer most", math.MaxInt32, shard.Int4, shard.Int64(math.MaxInt32)},
	{"named integer", tenantID(42), shard.Int8, shard.Int64(42)},
	{"named uint8", smallID(42), shard.Int4, shard.Int64(42)},
	{"integer that prints a name", region(3), shard.Int4, shard.Int64(3)},
	{"pointer to int64", new(int64(42)), shard.Int8, shard.Int64(42)},
	{"pointer to a named integer", new(tenantID(42)), shard.Int8, shard.Int64(42)},
	{"string of an integer", "42", shard.Int8, shard.Int64(42)},
	{"string zero", "0", shard.Int4, shard.Int64(0)},
	{"string negative", "-7", shard.Int2, shard.Int64(-7)},
	{"string least", "-9223372036854775808", shard.Int8, shard.Int64(math.MinInt64)},
	{"Valuer of int64", cents{42}, shard.Int8, shard.Int64(42)},
	{"pointer to a Valuer", &cents{42}, shard.Int8, shard.Int64(42)},
	{"Valuer on the pointer", &pointer{int64(42)}, shard.Int8, shard.Int64(42)},
	{"Valuer of a string", valuer{"42"}, shard.Int8, shard.Int64(42)},
	{"sql.NullInt64", sql.NullInt64{Int64: 42, Valid: true}, shard.Int8, shard.Int64(42)},
	{"sql.Null[int32]", sql.Null[int32]{V: 42, Valid: true}, shard.Int4, shard.Int64(42)},
	{"pgtype.Int8", pgtype.Int8{Int64: 42, Valid: true}, shard.Int8, shard.Int64(42)},
	{"pgtype.Int2", pgtype.Int2{Int16: 42, Valid: true}, shard.Int2, shard.Int64(42)},
	{"key", shard.Int64(42), shard.Int4, shard.Int64(42)},

	{"string", "acme", shard.Text, shard.String("acme")},
	{"string like a number", "0042", shard.Text, shard.String("0042")},
	{"string with spaces", "  a ", shard.Text, shard.String("  a ")},
	{"string of a space", " ", shard.Text, shard.String(" ")},
	{"quotes and backslashes", `o'b"r\ien`, shard.Text, shard.String(`o'b"r\ien`)},
	{"composed", "\u00e9", shard.Text, shard.String("\u00e9")},
	{"decomposed", "e\u0301", shard.Text, shard.String("e\u0301")},
	{"emoji", "\U0001F600", shard.Text, shard.String("\U0001F600")},
	{"long string", strings.Repeat("ä", 700), shard.Text, shard.String(strings.Repeat("ä", 700))},
	{"named string", tenantName("acme"), shard.Text, shard.String("acme")},
	{"pointer to a string", new("acme"), shard.Text, shard.String("acme")},
	{"string that prints itself", quiet("acme"), shard.Text, shard.String("acme")},
	{"Valuer of text", valuer{"acme"}, shard.Text, shard.String("acme")},
	{"pgtype.Text", pgtype.Text{String: "acme", Valid: true}, shard.Text, shard.String("acme")},
	{"sql.NullString", sql.NullString{String: "acme", Valid: true}, shard.Text, shard.String("acme")},

	{"16 bytes", someUUIDBytes, shard.TypeUUID, shard.UUID(someUUIDBytes)},
	{"zero uuid", [16]byte{}, shard.TypeUUID, shard.UUID([16]byte{})},
	{"named uuid", gofrs(someUUIDBytes), shard.TypeUUID, shard.UUID(someUUIDBytes)},
	{"pointer to a named uuid", new(gofrs(someUUIDBytes)), shard.TypeUUID, shard.UUID(someUUIDBytes)},
	{"uuid string", someUUID, shard.TypeUUID, shard.UUID(someUUIDBytes)},
	{"ulid for a uuid column", ulid(someUUIDBytes), shard.TypeUUID, shard.UUID(someUUIDBytes)},
	{"pgtype.UUID", pgtype.UUID{Bytes: someUUIDBytes, Valid: true}, shard.TypeUUID, shard.UUID(someUUIDBytes)},

	{"uuid as text", someUUID, shard.TextUUID, shard.String(someUUID)},
	{"16 bytes as text", someUUIDBytes, shard.TextUUID, shard.String(someUUID)},
	{"named uuid as text", gofrs(someUUIDBytes), shard.TextUUID, shard.String(someUUID)},
	{"uuid key as text", shard.UUID(someUUIDBytes), shard.TextUUID, shard.String(someUUID)},

	{"bytes", []byte{0, 1, 255}, shard.Bytea, shard.Bytes([]byte{0, 1, 255})},
	{"named bytes", blob("x"), shard.Bytea, shard.Bytes([]byte("x"))},
	{"Valuer of bytes", valuer{[]byte("x")}, shard.Bytea, shard.Bytes([]byte("x"))},
}

func TestGoArgumentsThatAreKeys(t *testing.T) {
	for _, c := range accepted {
		t.Run(c.name, func(t *testing.T) {
			k, err := shard.FromValue(c.v, c.t)
			require.NoError(t, err)
			require.Equal(t, c.want, k)
			require.True(t, k.Is(c.t))
		})
	}
}

// refused are Go arguments that are no keys, each with a part of the sentence that says why. A type of 0 means all.
var refused = []struct {
	name string
	v    any
	t    shard.Type
	say  string
}{
	{"nil", nil, 0, "NULL"},
	{"nil pointer", (*int64)(nil), 0, "NULL"},
	{"nil pointer to a Valuer", (*cents)(nil), 0, "NULL"},
	{"nil pointer with a Valuer", (*pointer)(nil), 0, "NULL"},
	{"nil bytes", []byte(nil), 0, "NULL"},
	{"Valuer of nil", valuer{nil}, 0, "NULL"},
	{"invalid sql.NullInt64", sql.NullInt64{}, 0, "NULL"},
	{"invalid pgtype.UUID", pgtype.UUID{}, 0, "NULL"},

	{"float64", 42.0, 0, "float"},
	{"float32", float32(42), 0, "float"},
	{"NaN", math.NaN(), 0, "float"},
	{"infinity", math.Inf(1), 0, "float"},
	{"pointer to a float", new(42.0), 0, "float"},
	{"Valuer of a float", valuer{42.0}, 0, "float"},
	{"bool", true, 0, "only integers"},
	{"time", time.Unix(42, 0), 0, "only integers"},
	{"Valuer of time", valuer{time.Unix(42, 0)}, 0, "only integers"},
	{"json.Number", json.Number("42"), 0, "Int64"},
	{"struct that prints itself", onlyStr{}, 0, "only integers"},
	{"Valuer of a Valuer", looping{}, 0, "only integers"},
	{"Valuer that fails", failing{}, 0, "returned an error"},
	{"Valuer that panics", panics{}, 0, "returned an error"},
	{"pointer to a pointer", new(new(int64(42))), 0, "only integers"},
	{"slice of integers", []int64{42}, 0, "only integers"},
	{"array of 15 bytes", [15]byte{}, 0, "only integers"},
	{"map", map[string]int{}, 0, "only integers"},
	{"func", func() {}, 0, "only integers"},
	{"complex", complex(1, 1), 0, "only integers"},
	{"zero Key", shard.Key{}, 0, "zero Key"},
	{"composite Key", shard.Composite(shard.Int64(1), shard.Int64(2)), 0, "another type"},
	{"empty string", "", 0, ""},
	{"empty bytes", []byte{}, 0, ""},

	{"smallint too large", 32768, shard.Int2, "range"},
	{"smallint too small", -32769, shard.Int2, "range"},
	{"integer too large", int64(1 << 31), shard.Int4, "range"},
	{"integer too small", int64(-1<<31 - 1), shard.Int4, "range"},
	{"uint64 too large", uint64(1 << 63), shard.Int8, "range"},
	{"uint64 that would wrap", uint64(math.MaxUint64), shard.Int8, "range"},
	{"string too large", "9223372036854775808", shard.Int8, "as PostgreSQL prints"},
	{"string too large for smallint", "32768", shard.Int2, "range"},
	{"leading space", " 42", shard.Int8, "as PostgreSQL prints"},
	{"trailing space", "42 ", shard.Int8, "as PostgreSQL prints"},
	{"leading zeros", "0042", shard.Int8, "as PostgreSQL prints"},
	{"plus", "+42", shard.Int8, "as PostgreSQL prints"},
	{"minus zero", "-0", shard.Int8, "as PostgreSQL prints"},
	{"two signs", "--4", shard.Int8, "as PostgreSQL prints"},
	{"hexadecimal", "0x2A", shard.Int8, "as PostgreSQL prints"},
	{"underscore", "4_2", shard.Int8, "as PostgreSQL prints"},
	{"fraction", "42.0", shard.Int8, "as PostgreSQL prints"},
	{"exponent", "4e1", shard.Int8, "as PostgreSQL prints"},
	{"other digits", "٤٢", shard.Int8, "as PostgreSQL prints"},
	{"word", "abc", shard.Int8, "as PostgreSQL prints"},
	{"bytes of digits", []byte("42"), shard.Int8, "bytea"},
	{"uuid for an integer", someUUIDBytes, shard.Int8, "uuid"},
	{"string key for an integer", shard.String("42"), shard.Int8, "another type"},
	{"key out of range", shard.Int64(1 << 40), shard.Int4, "range"},

	{"integer for text", 42, shard.Text, "integer column"},
	{"NUL", "a\x00", shard.Text, "NUL"},
	{"not UTF-8", "\xff\xfe", shard.Text, "UTF-8"},
	{"half a surrogate", "\xed\xa0\x80", shard.Text, "UTF-8"},
	{"bytes for text", []byte("acme"), shard.Text, "bytea"},
	{"uuid for text", someUUIDBytes, shard.Text, "uuid"},
	{"string that prints otherwise", loud("acme"), shard.Text, "string(v)"},
	{"a megabyte", strings.Repeat("x", shard.MaxKeyBytes+1), shard.Text, "1 MiB"},

	{"upper case", strings.ToUpper(someUUID), shard.TypeUUID, "lower case"},
	{"braces", "{" + someUUID + "}", shard.TypeUUID, "36 bytes"},
	{"without hyphens", strings.ReplaceAll(someUUID, "-", ""), shard.TypeUUID, "36 bytes"},
	{"hyphens elsewhere", "6ba7b8109-dad-11d1-80b4-00c04fd430c8", shard.TypeUUID, "hyphens"},
	{"not hexadecimal", "6ba7b810-9dad-11d1-80b4-00c04fd430cg", shard.TypeUUID, "uuid"},
	{"urn", "urn:uuid:" + someUUID, shard.TypeUUID, "36 bytes"},
	{"bytes for uuid", someUUIDBytes[:], shard.TypeUUID, "bytea"},
	{"integer for uuid", 42, shard.TypeUUID, "integer column"},

	{"upper case uuid as text", strings.ToUpper(someUUID), shard.TextUUID, "lower case"},
	{"other text", "acme", shard.TextUUID, "36 bytes"},
	{"ulid as text", ulid(someUUIDBytes), shard.TextUUID, "String method"},

	{"string for bytea", `\x00ff`, shard.Bytea, "[]byte"},
	{"integer for bytea", 42, shard.Bytea, "integer column"},
	{"uuid for bytea", someUUIDBytes, shard.Bytea, "uuid"},
}

func TestGoArgumentsThatAreRefused(t *testing.T) {
	for _, c := range refused {
		t.Run(c.name, func(t *testing.T) {
			of := types
			if c.t != 0 {
				of = []shard.Type{c.t}
			}
			for _, typ := range of {
				k, err := shard.FromValue(c.v, typ)
				require.ErrorContains(t, err, c.say, "%s", typ)
				require.True(t, k.IsZero())
				var ke *shard.KeyError
				require.ErrorAs(t, err, &ke)
				require.Equal(t, strings.Contains(c.say, "NULL"), errors.Is(err, shard.ErrNullKey))
				requireNoValue(t, err, c.v)
			}
		})
	}
}

// requireNoValue checks that the error does not quote what was refused.
func requireNoValue(t *testing.T, err error, v any) {
	t.Helper()
	require.NotContains(t, err.Error(), "secret")
	if s, ok := v.(string); ok && len(s) > 3 {
		require.NotContains(t, err.Error(), s)
	}
}

func TestTheErrorOfAValuerCanBeReached(t *testing.T) {
	_, err := shard.FromValue(failing{}, shard.Int8)
	require.ErrorIs(t, err, errFailing)
}

func TestATypeThatIsNoneTakesNothing(t *testing.T) {
	for _, v := range []any{42, "x", someUUIDBytes, []byte("x"), shard.Int64(1)} {
		_, err := shard.FromValue(v, 0)
		require.Error(t, err)
		_, err = shard.FromValue(v, 99)
		require.Error(t, err)
	}
	_, err := shard.FromLiteral("x", 0)
	require.Error(t, err)
}

func TestLiterals(t *testing.T) {
	for _, c := range []struct {
		text string
		t    shard.Type
		want shard.Key
	}{
		{"42", shard.Int8, shard.Int64(42)},
		{"-1", shard.Int2, shard.Int64(-1)},
		{"abc", shard.Text, shard.String("abc")},
		{someUUID, shard.TypeUUID, shard.UUID(someUUIDBytes)},
		{someUUID, shard.TextUUID, shard.String(someUUID)},
		{`\xdeadbeef`, shard.Bytea, shard.Bytes([]byte{0xde, 0xad, 0xbe, 0xef})},
	} {
		k, err := shard.FromLiteral(c.text, c.t)
		require.NoError(t, err)
		require.Equal(t, c.want, k)
	}
	for _, c := range []struct {
		text string
		t    shard.Type
	}{
		{" 42", shard.Int8},
		{"", shard.Int8},
		{"", shard.Text},
		{strings.ToUpper(someUUID), shard.TypeUUID},
		{`\xDEAD`, shard.Bytea},
		{`\xdea`, shard.Bytea},
		{`\x`, shard.Bytea},
		{`deadbeef`, shard.Bytea},
		{`\x de`, shard.Bytea},
		{`\\xde`, shard.Bytea},
	} {
		_, err := shard.FromLiteral(c.text, c.t)
		require.Error(t, err, "%s %q", c.t, c.text)
	}
}

func TestTypesHaveNames(t *testing.T) {
	for _, typ := range types {
		back, err := shard.ParseType(typ.String())
		require.NoError(t, err)
		require.Equal(t, typ, back)
	}
	for _, name := range []string{"", "no type", "citext", "numeric", "int8", "BIGINT", "character(3)", "jsonb"} {
		_, err := shard.ParseType(name)
		require.ErrorContains(t, err, "bigint")
	}
	require.Equal(t, "no type", shard.Type(0).String())
	require.Equal(t, "no type", shard.Type(200).String())
}

func TestTheTextsOfKeyErrors(t *testing.T) {
	_, err := shard.FromValue(42.5, shard.Int8)
	require.EqualError(t, err,
		"shard: a Go float64 is not usable as a key of type bigint: a float matches rows of other keys; convert it to an integer")
	_, err = shard.FromLiteral("042", shard.Int4)
	require.ErrorContains(t, err, "shard: not usable as a key of type integer:")
	require.EqualError(t, shard.String("").Err(),
		"shard: not usable as a key: it is empty; an empty value is far more often a missing one than a tenant's name")
}
