package budget_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/keyway-go/keyway/pool/budget"
)

func TestDemandRemembersAPeakForTwentyToThirtySeconds(t *testing.T) {
	var d budget.Demand
	require.Zero(t, d.Want())
	d.Observe(5*time.Second, budget.Sample{Peak: 7})
	d.Observe(12*time.Second, budget.Sample{Peak: 2})
	require.Equal(t, 7, d.Want())
	d.Observe(29*time.Second, budget.Sample{Peak: 3})
	require.Equal(t, 7, d.Want())
	d.Observe(30*time.Second, budget.Sample{Peak: 1})
	require.Equal(t, 3, d.Want(), "the bucket of the peak is past")
	d.Observe(time.Hour, budget.Sample{})
	require.Zero(t, d.Want())
}

func TestDemandLooksBackAsFarAsItsWindow(t *testing.T) {
	var d budget.Demand
	d.Observe(95*time.Second, budget.Sample{Peak: 7})
	d.Observe(105*time.Second, budget.Sample{Peak: 4})
	d.SetWindow(106*time.Second, 3*time.Second)
	require.Equal(t, 7, d.Want(), "what was seen is not forgotten at once")
	d.Observe(107*time.Second, budget.Sample{Peak: 1})
	require.Equal(t, 7, d.Want())
	d.Observe(108*time.Second, budget.Sample{Peak: 1})
	require.Equal(t, 4, d.Want())
	d.Observe(109*time.Second, budget.Sample{Peak: 1})
	require.Equal(t, 1, d.Want())
	d.SetWindow(109*time.Second, 0)
	d.Observe(125*time.Second, budget.Sample{})
	require.Equal(t, 1, d.Want(), "the default again")
}

func TestDemandStaffsTheOfferedLoad(t *testing.T) {
	var d budget.Demand
	d.Observe(0, budget.Sample{Peak: 4, Busy: 80 * time.Second, Span: 5 * time.Second})
	require.Equal(t, 20, d.Want(), "16 busy on average: 16 + 4")
	require.Zero(t, budget.Staff(0))
	require.Equal(t, 2, budget.Staff(0.5))
	require.Equal(t, 110, budget.Staff(100))
}

func TestHysteresisGrowsAtOnceAndShrinksSlowly(t *testing.T) {
	var h budget.Hysteresis
	for _, step := range []struct{ want, said int }{
		{10, 10}, {20, 20},
		{16, 20},                   // four fifths are use
		{5, 20}, {5, 20}, {18, 20}, // one good moment begins it again
		{5, 20}, {5, 20}, {5, 15}, // the third time, a quarter
		{5, 11}, {5, 8}, {5, 6}, {5, 6}, // one is not worth it
		{30, 30},
	} {
		require.Equal(t, step.said, h.Next(step.want, 100), "%+v", step)
	}
}

func TestHysteresisGivesUpWhatIsHadAndNotWhatWasOnlyWanted(t *testing.T) {
	var h budget.Hysteresis
	require.Equal(t, 28, h.Next(28, 12))
	h.Next(2, 12)
	h.Next(2, 12)
	require.Equal(t, 9, h.Next(2, 12), "a quarter of twelve")
	require.Equal(t, 6, h.Next(2, 9))
	require.Equal(t, 2, h.Next(2, 0))
}

func TestWhatHysteresisSaysIsNeverBelowWhatIsWanted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h budget.Hysteresis
		for _, want := range rapid.SliceOf(rapid.IntRange(0, 50)).Draw(t, "wants") {
			before := h
			said := h.Next(want, 100)
			require.GreaterOrEqual(t, said, want)
			again := before.Next(want, 100)
			require.Equal(t, said, again)
		}
		last := rapid.IntRange(0, 50).Draw(t, "last")
		for range 100 {
			h.Next(last, 100)
		}
		require.LessOrEqual(t, h.Next(last, 100), max(last+1, last*5/4+1), "it comes down in the end")
	})
}
