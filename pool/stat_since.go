package pool

import (
	"iter"
	"reflect"
)

// Since is what has been counted between two snapshots of one instance: the counters of s without those of the earlier
// one. The gauges are those of s. Any number of readers can each keep their own earlier snapshot; with the zero Stat
// nothing is taken away.
func (s Stat) Since(earlier Stat) Stat {
	s.Counters = less(s.Counters, earlier.Counters)
	for i := range s.Classes {
		waiting := s.Classes[i].Waiting
		s.Classes[i] = less(s.Classes[i], earlier.Classes[i])
		s.Classes[i].Class, s.Classes[i].Waiting = Class(i), waiting
	}
	databases := make([]DatabaseStat, len(s.Databases)) // the receiver's slice stays what it was
	copy(databases, s.Databases)
	for i := range min(len(databases), len(earlier.Databases)) { // an instance only gains databases, at the end
		databases[i].DatabaseCounters = less(databases[i].DatabaseCounters, earlier.Databases[i].DatabaseCounters)
	}
	s.Databases = databases
	return s
}

// Pop is what has been counted since the last Pop, or since New; psycopg's pop_stats. It is for one reader: two would
// each get a part. More readers use [Instance.Stat] and [Stat.Since].
func (in *Instance) Pop() Stat {
	in.popping.Lock()
	defer in.popping.Unlock()
	s := in.Stat()
	popped := s.Since(in.popped)
	in.popped = s
	return popped
}

// less is a - b, for structs of integers, arrays and maps of them: whatever counter is added to one is subtracted too.
func less[T any](a, b T) T {
	subtract(reflect.ValueOf(&a).Elem(), reflect.ValueOf(&b).Elem())
	return a
}

func subtract(a, b reflect.Value) {
	switch a.Kind() {
	case reflect.Struct:
		for i := range a.NumField() {
			subtract(a.Field(i), b.Field(i))
		}
	case reflect.Array:
		for i := range a.Len() {
			subtract(a.Index(i), b.Index(i))
		}
	case reflect.Map:
		subtractMap(a, b)
	default:
		if a.CanInt() { // not Class, which is unsigned
			a.SetInt(a.Int() - b.Int())
		}
	}
}

// subtractMap makes a new map: a is shared with the snapshot it came from. What has not grown is left out.
func subtractMap(a, b reflect.Value) {
	m := reflect.MakeMap(a.Type())
	for _, k := range a.MapKeys() {
		n := a.MapIndex(k).Int()
		if old := b.MapIndex(k); old.IsValid() {
			n -= old.Int()
		}
		if n != 0 {
			m.SetMapIndex(k, reflect.ValueOf(n))
		}
	}
	a.Set(m)
}

// total is the sum of a struct's counters.
func total(counters any) int64 {
	sum := int64(0)
	for _, n := range counts(counters) {
		sum += n
	}
	return sum
}

// counts yields a struct's counters with their names in JSON.
func counts(counters any) iter.Seq2[string, int64] {
	return func(yield func(string, int64) bool) {
		for f, v := range reflect.ValueOf(counters).Fields() {
			if !yield(f.Tag.Get("json"), v.Int()) {
				return
			}
		}
	}
}
