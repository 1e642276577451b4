package shard

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"reflect"
)

// FromValue makes the key that the Go argument v stands for in a key column of type t. It accepts only forms for
// which PostgreSQL's "=" matches exactly the rows stored under the same key:
//
//   - smallint, integer, bigint: integers of any width and sign that the column can hold, and strings in the one
//     spelling PostgreSQL prints ("42", "-7"; not " 42", "+42", "0042", "0x2A", "4_2");
//   - text: strings that are valid UTF-8 without NUL bytes;
//   - text(uuid): uuids as for uuid; their text is what is hashed and sent;
//   - uuid: [16]byte and types made of it, and strings of 36 bytes, lower case, with hyphens;
//   - bytea: []byte.
//
// Named types count as what they are made of. A pointer is followed once. A driver.Valuer that is not made of [16]byte
// is asked once for its value. A [Key] is accepted where it fits. A named string or uuid type whose String method says
// something else than the value is refused, because it is unclear which of the two is stored.
//
// Everything else is refused with a [*KeyError]: floats (PostgreSQL would match 42 with 42.0), bool, time.Time,
// json.Number, []byte for text, structs, and anything empty; nil and what stands for NULL matches [ErrNullKey] too.
//
// What is sent must be the key's [Key.Value] unless [SendsAsIs] says that v itself is the same thing to pgx.
func FromValue(v any, t Type) (Key, error) {
	switch x := v.(type) {
	case int64:
		return fromInt(x, t, v)
	case int:
		return fromInt(int64(x), t, v)
	case int32:
		return fromInt(int64(x), t, v)
	case string:
		return fromString(x, t, "string")
	case [16]byte:
		return fromUUID(x, t, v)
	case []byte:
		return fromBytes(x, t, v)
	case Key:
		return fromKey(x, t)
	case nil:
		return Key{}, nullKey(t, "nil")
	}
	return fromOther(v, t)
}

// SendsAsIs reports whether pgx, given v for a parameter of type t, sends exactly the value of FromValue(v, t). When it
// is false, send the key's Value: pgx may prefer a String method, or read a pointer that changes meanwhile.
func SendsAsIs(v any, t Type) bool {
	switch v.(type) {
	case int64, int, int32, int16, int8, uint8, uint16, uint32, uint64, uint:
		return t.isInt()
	case string:
		return true
	case [16]byte:
		return t == TypeUUID
	case []byte:
		return t == Bytea
	default:
		return false
	}
}

func fromInt(n int64, t Type, v any) (Key, error) {
	if !t.isInt() {
		return Key{}, refuse(t, v, "an integer is the key of an integer column only")
	}
	if !t.fits(n) {
		return Key{}, refuse(t, v, "the number is outside the column's range")
	}
	return Int64(n), nil
}

func fromUUID(u [16]byte, t Type, v any) (Key, error) {
	switch t {
	case TypeUUID:
		return UUID(u), nil
	case TextUUID:
		return String(uuidText(u)), nil
	default:
		return Key{}, refuse(t, v, "16 bytes are a uuid, and the column is none")
	}
}

func fromBytes(b []byte, t Type, v any) (Key, error) {
	if b == nil {
		return Key{}, nullKey(t, goType(v))
	}
	if t != Bytea {
		return Key{}, refuse(t, v, "bytes are the key of a bytea column only; convert them to the column's type")
	}
	return usable(Bytes(b), t, goType(v))
}

// fromKey accepts a key that was made by hand. A uuid for a text(uuid) column becomes its text, since that is what
// the column holds.
func fromKey(k Key, t Type) (Key, error) {
	if err := k.Err(); err != nil {
		return Key{}, err
	}
	if k.kind() == kindUUID && t == TextUUID {
		return String(uuidText(k.uuid())), nil
	}
	if !k.Is(t) {
		return Key{}, refuse(t, k, "the key is of another type, or outside the column's range")
	}
	return k, nil
}

var (
	valuerType   = reflect.TypeFor[driver.Valuer]()
	numberType   = reflect.TypeFor[json.Number]()
	stringerType = reflect.TypeFor[fmt.Stringer]()
)

// fromOther follows one pointer and asks one Valuer, in that order unless the Valuer is the pointer.
func fromOther(v any, t Type) (Key, error) {
	r, at := reflect.ValueOf(v), v // at is what r holds
	if r.Kind() == reflect.Pointer {
		if r.IsNil() {
			return Key{}, nullKey(t, goType(v))
		}
		elem := r.Type().Elem()
		if !r.Type().Implements(valuerType) || elem.Implements(valuerType) || isUUIDType(elem) {
			r = r.Elem()
			at = r.Interface()
		}
	}
	if valuer, ok := at.(driver.Valuer); ok && !isUUIDType(r.Type()) {
		return fromValuer(valuer, t, v)
	}
	return fromKind(r, t, v)
}

func fromValuer(valuer driver.Valuer, t Type, v any) (Key, error) {
	inner, err := callValuer(valuer)
	if err != nil {
		return Key{}, &KeyError{Type: t, GoType: goType(v), Reason: "its driver.Valuer returned an error", Err: err}
	}
	if inner == nil {
		return Key{}, nullKey(t, goType(v))
	}
	return fromKind(reflect.ValueOf(inner), t, v)
}

// callValuer turns a panic into an error: a Valuer on a nil map or slice of the caller's is the caller's bug, not a
// reason to end the process.
func callValuer(valuer driver.Valuer) (v driver.Value, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in driver.Valuer: %v", p)
		}
	}()
	return valuer.Value()
}

// fromKind judges a value by what its type is made of; v is the argument as the caller gave it, for errors.
func fromKind(r reflect.Value, t Type, v any) (Key, error) {
	if r.Type() == numberType {
		return Key{}, refuse(t, v, "a number in text form has many spellings; convert it with Int64")
	}
	switch r.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return fromInt(r.Int(), t, v)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if n := r.Uint(); n <= 1<<63-1 {
			return fromInt(int64(n), t, v)
		}
		return Key{}, refuse(t, v, "the number is outside the column's range")
	case reflect.String:
		if !agrees(r, r.String()) {
			return Key{}, refuse(t, v, "its String method says something else than its value; convert it with string(v)")
		}
		return fromString(r.String(), t, goType(v))
	case reflect.Array:
		if isUUIDType(r.Type()) {
			return fromUUIDType(r, t, v)
		}
	case reflect.Slice:
		if r.Type().Elem().Kind() == reflect.Uint8 && r.Type().Elem().PkgPath() == "" {
			return fromBytes(r.Bytes(), t, v)
		}
	case reflect.Float32, reflect.Float64:
		return Key{}, refuse(t, v, "a float matches rows of other keys; convert it to an integer")
	default:
	}
	return Key{}, refuse(t, v, "only integers, strings, uuids ([16]byte) and, for bytea, []byte can be keys")
}

func isUUIDType(rt reflect.Type) bool {
	return rt.Kind() == reflect.Array && rt.Len() == 16 && rt.Elem().Kind() == reflect.Uint8
}

// fromUUIDType reads a named [16]byte. One that prints itself in another form (a ULID) is fine for a uuid column,
// which holds the bytes, but for a text column it is unclear which text the table holds.
func fromUUIDType(r reflect.Value, t Type, v any) (Key, error) {
	var u [16]byte
	for i := range u {
		u[i] = byte(r.Index(i).Uint())
	}
	if t == TextUUID && !agrees(r, uuidText(u)) {
		return Key{}, refuse(t, v, "its String method does not print a lower-case uuid; pass the text that is stored")
	}
	return fromUUID(u, t, v)
}

// agrees reports whether r has no String method, or one that returns want.
func agrees(r reflect.Value, want string) (ok bool) {
	if !r.Type().Implements(stringerType) || !r.CanInterface() {
		return true
	}
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	return r.Interface().(fmt.Stringer).String() == want
}

// usable passes k on unless a constructor found it unusable.
func usable(k Key, t Type, goType string) (Key, error) {
	if k.kind() == kindBad {
		return Key{}, &KeyError{Type: t, GoType: goType, Reason: badReasons[k.hi]}
	}
	return k, nil
}

func refuse(t Type, v any, reason string) error {
	return &KeyError{Type: t, GoType: goType(v), Reason: reason}
}

func nullKey(t Type, goType string) error {
	return &KeyError{Type: t, GoType: goType, Reason: "it is NULL, and NULL belongs to no shard", Err: ErrNullKey}
}

func goType(v any) string { return fmt.Sprintf("%T", v) }
