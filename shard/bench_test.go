package shard_test

import (
	"encoding/binary"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/shard"
)

// Each benchmark stands beside its baseline: the hash alone.

var (
	sinkInt  int
	sinkHash uint64
)

func benchMap(tb testing.TB) *shard.Map {
	m, err := shard.Even(1, ids(100)...)
	require.NoError(tb, err)
	return m
}

func BenchmarkXxhashInt64(b *testing.B) {
	b.ReportAllocs()
	i := uint64(0)
	for b.Loop() {
		var buf [8]byte
		i++
		binary.BigEndian.PutUint64(buf[:], i)
		sinkHash = xxhash.Sum64(buf[:])
	}
}

func BenchmarkRouteInt64(b *testing.B) {
	m := benchMap(b)
	b.ReportAllocs()
	i := int64(0)
	for b.Loop() {
		i++
		sinkInt = m.Index(shard.Int64(i).Slot())
	}
}

const name20 = "tenant-0000000000042"

func BenchmarkXxhashString20(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		sinkHash = xxhash.Sum64String(name20)
	}
}

func BenchmarkRouteString20(b *testing.B) {
	m := benchMap(b)
	k := shard.String(name20)
	b.ReportAllocs()
	for b.Loop() {
		sinkInt = m.Index(k.Slot())
	}
}

func BenchmarkXxhashUUID(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		sinkHash = xxhash.Sum64(someUUIDBytes[:])
	}
}

func BenchmarkRouteUUID(b *testing.B) {
	m := benchMap(b)
	b.ReportAllocs()
	for b.Loop() {
		sinkInt = m.Index(shard.UUID(someUUIDBytes).Slot())
	}
}

// BenchmarkRouteArgument is what a statement costs: the argument comes as an any and is judged first.
func BenchmarkRouteArgument(b *testing.B) {
	m := benchMap(b)
	for name, arg := range map[string]any{"int64": int64(42), "string": name20, "uuid": someUUIDBytes} {
		b.Run(name, func(b *testing.B) {
			typ := map[string]shard.Type{"int64": shard.Int8, "string": shard.Text, "uuid": shard.TypeUUID}[name]
			b.ReportAllocs()
			for b.Loop() {
				k, err := shard.FromValue(arg, typ)
				if err != nil {
					b.Fatal(err)
				}
				sinkInt = m.Index(k.Slot())
			}
		})
	}
}

func BenchmarkNewUUIDv7(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		sinkHash += uint64(shard.NewUUIDv7(42)[15])
	}
}

func TestRoutingAllocatesNothing(t *testing.T) {
	m := benchMap(t)
	composite := shard.Composite(shard.Int64(1), shard.String("eu"))
	var intArg, strArg, uuidArg any = int64(123456), name20, someUUIDBytes
	for name, route := range map[string]func(){
		"int64":     func() { sinkInt = m.Index(shard.Int64(123456).Slot()) },
		"string":    func() { sinkInt = m.Index(shard.String(name20).Slot()) },
		"uuid":      func() { sinkInt = m.Index(shard.UUID(someUUIDBytes).Slot()) },
		"composite": func() { sinkInt = m.Index(composite.Slot()) },
		"argument int64": func() {
			k, _ := shard.FromValue(intArg, shard.Int8)
			sinkInt = m.Index(k.Slot())
		},
		"argument string": func() {
			k, _ := shard.FromValue(strArg, shard.Text)
			sinkInt = m.Index(k.Slot())
		},
		"argument uuid": func() {
			k, _ := shard.FromValue(uuidArg, shard.TypeUUID)
			sinkInt = m.Index(k.Slot())
		},
		"uuid text for a uuid column": func() {
			k, _ := shard.FromLiteral(someUUID, shard.TypeUUID)
			sinkInt = m.Index(k.Slot())
		},
	} {
		require.Zero(t, testing.AllocsPerRun(100, route), name)
	}
}
