package config

import (
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/router"
)

// TestTheSchemaDescribesTheStruct walks both side by side: the same keys at every level, and nothing else allowed.
func TestTheSchemaDescribesTheStruct(t *testing.T) {
	data, err := os.ReadFile("config.schema.json")
	require.NoError(t, err)
	var root map[string]any
	require.NoError(t, json.Unmarshal(data, &root))
	compare(t, root, root, reflect.TypeFor[file](), "")
}

func compare(t *testing.T, root, s map[string]any, typ reflect.Type, place string) {
	t.Helper()
	if ref, ok := s["$ref"].(string); ok {
		s = root["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
	}
	switch typ.Kind() {
	case reflect.Struct:
		require.Equal(t, false, s["additionalProperties"], "%s must allow no other keys", place)
		keys := keysOf(typ)
		properties := s["properties"].(map[string]any)
		require.Equal(t, slices.Sorted(maps.Keys(keys)), slices.Sorted(maps.Keys(properties)), "the keys of %q", place)
		for key, inner := range keys {
			compare(t, root, properties[key].(map[string]any), inner, join(place, key))
		}
	case reflect.Map:
		require.Equal(t, "object", s["type"], place)
		compare(t, root, s["additionalProperties"].(map[string]any), typ.Elem(), join(place, "*"))
	default:
		require.NotEqual(t, "object", s["type"], place)
	}
}

// TestEverySettingOfThePoolsHasAKey compares the block with the struct it fills: all but hooks can be written, and
// each reaches the field of its name.
func TestEverySettingOfThePoolsHasAKey(t *testing.T) {
	ours := reflect.TypeFor[router.PoolConfig]()
	for f := range ours.Fields() {
		if f.Type.Kind() == reflect.Func {
			continue
		}
		var c connections
		field := reflect.ValueOf(&c).Elem().FieldByName(f.Name)
		require.True(t, field.IsValid(), "no key for %s", f.Name)
		switch field.Kind() {
		case reflect.Bool:
			field.SetBool(true)
		case reflect.Uint8:
			field.SetUint(1)
		default:
			field.SetInt(7)
		}
		require.False(t, reflect.ValueOf(c.config()).FieldByName(f.Name).IsZero(), "%s does not arrive", f.Name)
	}
	for f := range reflect.TypeFor[connections]().Fields() {
		_, ok := ours.FieldByName(f.Name)
		require.True(t, ok, "%s is no setting", f.Name)
	}
}
