package prompool

import (
	"reflect"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/pool"
)

// Every number of a snapshot is different here, so each must turn up among the samples: a counter that the pool learns
// and the collector does not is found by this test.
func TestEveryCounterOfTheStatisticsIsAMetric(t *testing.T) {
	s := pool.Stat{Name: "pg-a", Databases: make([]pool.DatabaseStat, 1)}
	next := int64(1000)
	want := map[float64]string{}
	number(reflect.ValueOf(&s.Counters).Elem(), "", &next, want)
	for i := range s.Classes {
		s.Classes[i].Class = pool.Class(i)
		number(reflect.ValueOf(&s.Classes[i]).Elem(), "class ", &next, want)
	}
	number(reflect.ValueOf(&s.Databases[0].DatabaseCounters).Elem(), "database ", &next, want)
	s.DialErrorsBy = map[string]int64{"28P01": next}
	want[float64(next)] = "DialErrorsBy"

	// What exists by class is not repeated for the instance.
	ofClass := reflect.TypeFor[pool.ClassStat]()
	ofInstance := reflect.ValueOf(s.Counters)
	for f, v := range ofInstance.Fields() {
		if _, twice := ofClass.FieldByName(f.Name); twice && v.CanInt() {
			delete(want, float64(v.Int()))
		}
	}
	delete(want, float64(s.Wait.Count))

	c := newCollector(func() []pool.Stat { return []pool.Stat{s} })
	registry := prometheus.NewPedanticRegistry()
	require.NoError(t, registry.Register(c))
	families, err := registry.Gather()
	require.NoError(t, err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, n := range samples(m) {
				delete(want, n)
			}
		}
	}
	require.Empty(t, want)
	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	require.Empty(t, problems)
}

func samples(m *dto.Metric) []float64 {
	switch {
	case m.GetCounter() != nil:
		return []float64{m.GetCounter().GetValue()}
	case m.GetGauge() != nil:
		return []float64{m.GetGauge().GetValue()}
	default:
		return []float64{float64(m.GetHistogram().GetSampleCount())}
	}
}

func number(v reflect.Value, path string, next *int64, want map[float64]string) {
	for f, value := range v.Fields() {
		*next++
		switch value.Interface().(type) {
		case pool.Histogram:
			value.FieldByName("Count").SetInt(*next)
			want[float64(*next)] = path + f.Name
		case time.Duration:
			value.SetInt(*next * int64(time.Second))
			want[float64(*next)] = path + f.Name
		case int64:
			value.SetInt(*next)
			want[float64(*next)] = path + f.Name
		case pool.Refusals, pool.Closes:
			number(value, path+f.Name+".", next, want)
		}
	}
}

func TestDatabasesOfTheSameNameAreAddedUp(t *testing.T) {
	one := pool.DatabaseStat{Database: "app", User: "u", Shard: "s1", InUse: 2, OldestWait: time.Minute, RoundTrip: time.Second,
		DatabaseCounters: pool.DatabaseCounters{Acquires: 3, UseTime: time.Second}}
	other := one
	other.Shard, other.BackingOff = "s2", true
	got := merged([]pool.DatabaseStat{one, other, one})
	require.Len(t, got, 2)
	require.Equal(t, 4, got[0].InUse)
	require.EqualValues(t, 6, got[0].Acquires)
	require.Equal(t, 2*time.Second, got[0].UseTime)
	require.Equal(t, time.Minute, got[0].OldestWait, "of those who wait now the first")
	require.Equal(t, time.Second, got[0].RoundTrip)
	require.Equal(t, "app", got[0].Database)
	require.False(t, got[0].BackingOff)
	require.True(t, got[1].BackingOff)
}
