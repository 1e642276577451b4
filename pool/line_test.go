package pool

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestTheOrderOfALine draws arrivals and departures at random and holds the order against the rule: first come first
// served within a class, and across classes nobody is passed by one who came later than the difference of their
// handicaps.
func TestTheOrderOfALine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l line
		var waiting []*waiter
		now := time.Duration(0)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now += time.Duration(rapid.Int64Range(0, int64(4*time.Second)).Draw(t, "time"))
			if len(waiting) == 0 || rapid.Bool().Draw(t, "arrival") {
				w := &waiter{class: Class(rapid.IntRange(0, int(numClasses)-1).Draw(t, "class"))}
				w.node.of = w
				w.since = now
				w.rank = now + handicap[w.class]
				l.push(w)
				waiting = append(waiting, w)
				continue
			}
			low := rapid.Bool().Draw(t, "low")
			w := l.first(low)
			for _, o := range waiting {
				if o == w || !low && o.class.low() {
					continue
				}
				if w == nil {
					t.Fatal("somebody may be served and nobody is")
				}
				ahead := w.since - o.since
				switch {
				case o.class == w.class && ahead > 0:
					t.Fatalf("%s came %s later and goes first", w.class, ahead)
				case ahead > handicap[o.class]-handicap[w.class]:
					t.Fatalf("%s, who came %s later, passes %s", w.class, ahead, o.class)
				}
			}
			if w == nil {
				continue
			}
			if w.class.low() && !low {
				t.Fatalf("%s is served from the reserve", w.class)
			}
			w.node.leave()
			l.n--
			for i := range waiting {
				if waiting[i] == w {
					waiting = append(waiting[:i], waiting[i+1:]...)
					break
				}
			}
		}
		n := 0
		l.each(func(*waiter) { n++ })
		if n != len(waiting) || n != l.n {
			t.Fatalf("%d in the lists, %d waiting, n is %d", n, len(waiting), l.n)
		}
	})
}
