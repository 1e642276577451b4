package plan

import (
	"errors"
	"reflect"
	"slices"

	"github.com/keyway-go/keyway/shard"
)

// array reads $n as a list of keys: any slice whose elements are accepted forms of the type. The zero Key stands for a NULL
// element, which matches no row. What pgx might encode otherwise is sent as a slice of the keys' own values, element for
// element: the statement may count them, or make rows of them.
func (b *binder) array(n int, t shard.Type) ([]shard.Key, error) {
	switch v := b.arg(n).(type) {
	case []int64:
		return integerKeys(v, t)
	case []int:
		return integerKeys(v, t)
	case []int32:
		return integerKeys(v, t)
	case []string:
		keys, err := keysOf(v, t)
		if err == nil && familyOfKey(t) != famText {
			b.send(n, slice(keys, t))
		}
		return keys, err
	case [][16]byte:
		keys, err := keysOf(v, t)
		if err == nil && t != shard.TypeUUID {
			b.send(n, slice(keys, t))
		}
		return keys, err
	}
	return b.anyArray(n, t)
}

// integerKeys is keysOf without putting each value into an interface.
func integerKeys[T int | int32 | int64](values []T, t shard.Type) ([]shard.Key, error) {
	keys := make([]shard.Key, 0, len(values))
	for _, v := range values {
		k := shard.Int64(int64(v))
		if !k.Is(t) {
			return keysOf(values, t) // which says why
		}
		keys = append(keys, k)
	}
	return keys, nil
}

func keysOf[T any](values []T, t shard.Type) ([]shard.Key, error) {
	keys := make([]shard.Key, 0, len(values))
	for i := range values {
		k, err := shard.FromValue(values[i], t)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}

func (b *binder) anyArray(n int, t shard.Type) ([]shard.Key, error) {
	arg := b.arg(n)
	r := reflect.ValueOf(arg)
	if !r.IsValid() {
		return nil, nil // = ANY(NULL) matches nothing
	}
	if r.Kind() != reflect.Slice || r.Type().Elem().Kind() == reflect.Uint8 {
		return nil, &shard.KeyError{Type: t, GoType: r.Type().String(), Reason: "a list of keys is a Go slice of key values"}
	}
	keys := make([]shard.Key, 0, r.Len())
	for i := range r.Len() {
		k, err := shard.FromValue(r.Index(i).Interface(), t)
		switch {
		case errors.Is(err, shard.ErrNullKey):
			k = shard.Key{}
		case err != nil:
			return nil, err
		}
		keys = append(keys, k)
	}
	b.send(n, slice(keys, t))
	return keys, nil
}

// slice makes the argument that stands for keys of the type, or NULLs.
func slice(keys []shard.Key, t shard.Type) any {
	switch familyOfKey(t) {
	case famInt:
		return valuesOf[int64](keys)
	case famText:
		return valuesOf[string](keys)
	case famUUID:
		return valuesOf[[16]byte](keys)
	default:
		return valuesOf[[]byte](keys)
	}
}

func valuesOf[T any](keys []shard.Key) any {
	if slices.ContainsFunc(keys, shard.Key.IsZero) {
		values := make([]*T, len(keys))
		for i, k := range keys {
			if v, ok := k.Value().(T); ok {
				values[i] = &v
			}
		}
		return values
	}
	values := make([]T, 0, len(keys))
	for _, k := range keys {
		values = append(values, k.Value().(T))
	}
	return values
}
