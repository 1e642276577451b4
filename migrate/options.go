package migrate

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// Option changes how a [Runner] works.
type Option func(*options) error

type options struct {
	runner      string
	parallel    int
	lockWait    time.Duration
	lockTimeout time.Duration
	attempts    int
	progress    func(Event)
}

func defaults() options {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return options{
		runner:      fmt.Sprintf("%s:%d", host, os.Getpid()),
		parallel:    8,
		lockWait:    10 * time.Minute,
		lockTimeout: 2 * time.Second,
		attempts:    30,
		progress:    func(Event) {},
	}
}

// WithRunner sets the name written beside each applied file. The default is the
// host's name and the process id.
func WithRunner(name string) Option {
	return func(o *options) error {
		if name == "" {
			return errors.New("migrate: WithRunner: the name is empty")
		}
		o.runner = name
		return nil
	}
}

// WithParallel sets how many shards are migrated at the same time; on one
// instance it is always one. The default is 8.
func WithParallel(shards int) Option {
	return func(o *options) error {
		if shards < 1 {
			return fmt.Errorf("migrate: WithParallel(%d): at least one shard must be migrated at a time", shards)
		}
		o.parallel = shards
		return nil
	}
}

// WithLockWait sets how long to poll for a shard's lock while another runner
// holds it. The default is 10 minutes; the context may end it earlier.
func WithLockWait(d time.Duration) Option {
	return func(o *options) error {
		if d <= 0 {
			return fmt.Errorf("migrate: WithLockWait(%v): the wait must be positive", d)
		}
		o.lockWait = d
		return nil
	}
}

// WithLockTimeout sets PostgreSQL's lock_timeout for each try of a file and how
// often a file is tried in all. Between tries everything is rolled back and the
// runner sleeps, longer each time (half a second to ten seconds), so that those
// who queued behind it get through. The defaults are 2 s and 30 tries. The last
// try has the same timeout: without one, a file behind a forgotten transaction
// would stop the whole table.
func WithLockTimeout(timeout time.Duration, tries int) Option {
	return func(o *options) error {
		if timeout < time.Millisecond || tries < 1 {
			return fmt.Errorf("migrate: WithLockTimeout(%v, %d): at least 1ms and one try are needed", timeout, tries)
		}
		o.lockTimeout, o.attempts = timeout, tries
		return nil
	}
}

// WithProgress calls f for every [Event], one call at a time. f must not call
// back into the runner.
func WithProgress(f func(Event)) Option {
	return func(o *options) error {
		if f == nil {
			return errors.New("migrate: WithProgress: the function is nil")
		}
		o.progress = f
		return nil
	}
}
