package pgtest

import (
	"context"
	"testing"
	"time"
)

// Until is a context whose deadline passes when ok holds, which is asked every few milliseconds, or after a minute. It is
// for tests of calls that run out of time: a time that is short enough for a test may be over on a loaded machine before
// the call has got as far as it should.
func Until(t testing.TB, ok func() bool) context.Context {
	over, ended := make(chan struct{}), t.Context().Done()
	go func() {
		defer close(over)
		for latest := time.Now().Add(time.Minute); !ok() && time.Now().Before(latest); {
			select {
			case <-time.After(2 * time.Millisecond):
			case <-ended:
				return
			}
		}
	}()
	return until{context.Background(), over}
}

// until has no deadline to plan with, and ends as if it had one.
type until struct {
	context.Context
	over <-chan struct{}
}

func (c until) Done() <-chan struct{} { return c.over }

func (c until) Err() error {
	select {
	case <-c.over:
		return context.DeadlineExceeded
	default:
		return nil
	}
}
