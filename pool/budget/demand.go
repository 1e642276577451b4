package budget

import (
	"math"
	"time"
)

const (
	defaultWindow = 30 * time.Second
	buckets       = 3
)

// staffing is beta in a + beta*sqrt(a), the connections that serve an offered load of a so that few callers wait: by
// Halfin and Whitt about one in five for 1. See research on staffing of call centres.
const staffing = 1.0

// A Sample is what one process did on one server since its last sample.
type Sample struct {
	Peak int // the most connections in use or waited for at once

	// Busy is the time that connections were in use, summed over the connections, and Span the time it is taken over.
	// By Little's law Busy/Span is the mean number in use. Zero Span means that only the peak is known.
	Busy, Span time.Duration
}

// Demand estimates how many connections a process wants, from the last two to three thirds of its window: the highest
// peak, or what the offered load needs by square-root staffing where that is more (peaks are cut off at the limit that
// was in force when callers are refused instead of waiting). The zero value is ready and has seen nothing.
type Demand struct {
	window time.Duration // 0: the default
	peaks  [buckets]int
	loads  [buckets]float64
	at     int64 // the bucket in use, counted from time zero
}

// SetWindow changes how far Demand looks back, at the given time. Zero or negative means 30s. What was seen so far counts
// as seen by then.
func (d *Demand) SetWindow(at, window time.Duration) {
	if window <= 0 {
		window = defaultWindow
	}
	if window == d.length()*buckets {
		return
	}
	d.advance(int64(at / d.length()))
	d.window = window
	d.shiftTo(int64(at / d.length()))
}

// length is that of a bucket.
func (d *Demand) length() time.Duration {
	if d.window == 0 {
		return defaultWindow / buckets
	}
	return d.window / buckets
}

// Observe adds a sample taken at the given time, which counts from any fixed moment and never goes back.
func (d *Demand) Observe(at time.Duration, s Sample) {
	d.advance(int64(at / d.length()))
	i := d.at % buckets
	d.peaks[i] = max(d.peaks[i], s.Peak)
	if s.Span > 0 {
		d.loads[i] = max(d.loads[i], float64(s.Busy)/float64(s.Span))
	}
}

// advance empties the buckets between the last one in use and bucket.
func (d *Demand) advance(bucket int64) {
	if bucket-d.at >= buckets {
		*d = Demand{window: d.window, at: bucket}
	}
	for d.at < bucket {
		d.at++
		d.peaks[d.at%buckets], d.loads[d.at%buckets] = 0, 0
	}
}

// shiftTo gives the bucket in use another number, and the others with it.
func (d *Demand) shiftTo(bucket int64) {
	before := *d
	d.at = bucket
	for i := range int64(buckets) {
		d.peaks[(bucket+i)%buckets], d.loads[(bucket+i)%buckets] = before.peaks[(before.at+i)%buckets], before.loads[(before.at+i)%buckets]
	}
}

// Want is the estimate.
func (d *Demand) Want() int {
	want, load := 0, 0.0
	for i := range buckets {
		want, load = max(want, d.peaks[i]), max(load, d.loads[i])
	}
	return max(want, Staff(load))
}

// Staff is how many connections an offered load needs, given as the mean number that would be busy: ceil(a + sqrt(a)).
func Staff(load float64) int {
	if load <= 0 {
		return 0
	}
	return int(math.Ceil(load + staffing*math.Sqrt(load)))
}

const (
	calmBeats = 3    // how many times in a row less must be wanted before anything is given up
	deadBand  = 1    // a difference that is not worth closing a connection for
	useLess   = 0.8  // of what is held: wanting that much still is using it
	giveUp    = 0.25 // of what is held, at most, each time
)

// Hysteresis smooths what a process says it wants: more at once, less only after it wanted less than four fifths three
// times in a row, and then at most a quarter of what it has each time. Without it grants, and connections with them,
// would go to and fro between processes. The zero value is ready.
type Hysteresis struct {
	said int
	calm int
}

// Next returns what to say when want is wanted and has is had. What was said beyond that was not got, and is not given up
// in steps.
func (h *Hysteresis) Next(want, has int) int {
	switch {
	case want >= h.said:
		h.said, h.calm = want, 0
	case float64(want) >= useLess*float64(h.said) || h.said-want <= deadBand:
		h.calm = 0
	default:
		h.calm++
		if h.calm >= calmBeats {
			from := min(h.said, has)
			h.said = max(want, from-int(math.Ceil(giveUp*float64(from))))
		}
	}
	return h.said
}
