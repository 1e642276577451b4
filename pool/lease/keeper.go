package lease

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/pool/budget"
)

// A Pool is what a [Keeper] governs: the connections of this process to one server, whose application_name is
// [Holder.ApplicationName]. Its methods are called by one goroutine at a time, and by [Keeper.MayDial].
type Pool interface {
	// SetLimit sets how many connections may be open. When it falls, idle ones are closed and none is opened until it
	// is kept; work in flight is not disturbed.
	SetLimit(n int) error
	// Suspend is SetLimit(0) with the reason that callers are told.
	Suspend(reason string)
	// Open is how many connections are open or being opened or closed.
	Open() int
	// Sample is what happened since the last call.
	Sample() budget.Sample
	// Healthy is false while most of what the server is asked fails. Callers then pile up, and what they wait for is no
	// reason to take connections from other processes.
	Healthy() bool
}

// Connections lends a connection to the server's home database, in no transaction, for the time of one call of use.
type Connections interface {
	// Borrow takes one of the pool's.
	Borrow(ctx context.Context, use func(*pgx.Conn) error) error
	// Knock opens one beside the pool and closes it afterwards; see [Knock]. It is used when the pool may have none
	// yet, or cannot spare one.
	Knock(ctx context.Context, use func(*pgx.Conn) error) error
}

// Config describes a [Keeper]. Instance, Holder, Pool and Connections are required.
type Config struct {
	Instance    string // the server's name in messages
	Holder      Holder
	Pool        Pool
	Connections Connections

	// Most is how many connections this process can use at all. Zero means as many as it gets.
	Most int
	// Weight of this process's demand beside that of others. Zero means 1.
	Weight int
	// DialTimeout is the longest that the pool's dials take. Zero means 10s. The budget's grace must be longer.
	DialTimeout time.Duration
	// Log gets an event whenever the mode changes. Nil means slog.Default.
	Log *slog.Logger
	// OnChange is called after the mode or the limit changed, by the Keeper's goroutine. It must not block.
	OnChange func(State)

	wall func() time.Duration // how far the wall clock was set since the start; nil but in tests
}

const (
	defaultDialTimeout = 10 * time.Second
	firstKnock         = 250 * time.Millisecond // processes that start together spread their first request over it
	longestBackOff     = 30 * time.Second
	leastPatience      = time.Second // with a request, however often one is made
	unlimited          = 1 << 20     // Config.Most when it is not given
)

// A Keeper holds this process's lease on one server and sets the limit of its pool by it. Its goroutine runs from
// [Start] to [Keeper.Close].
type Keeper struct {
	cfg   Config
	begun time.Time // both clocks are read relative to it

	ctx  context.Context // ends with Close
	stop context.CancelFunc
	done chan struct{} // closed when run has returned

	demand budget.Demand     // used by run only
	calm   budget.Hysteresis // used by run only
	sick   bool              // at the last beat; used by run only
	rose   bool              // want did at the last beat; used by run only

	// mu guards what follows. Pool.SetLimit and Pool.Suspend are called while it is held; they must not call back.
	mu      sync.Mutex
	member  *Member
	applied int    // the limit that the pool was last given
	told    string // the reason it was last given
	state   State  // the parts that a reply brings
	failed  int    // requests in a row that failed
	last    State  // what OnChange and Log were last told
	changed chan struct{}
	closed  bool
}

// Start begins to hold a lease. The pool is suspended at once, and gets its limit with the first reply. An error means
// that the configuration is incomplete; a server that does not answer is no error but a [State].
func Start(c Config) (*Keeper, error) {
	switch {
	case c.Instance == "":
		return nil, errors.New("lease: Config.Instance is empty")
	case c.Holder.Name == "":
		return nil, fmt.Errorf("lease: instance %s: Config.Holder must come from NewHolder", c.Instance)
	case c.Pool == nil || c.Connections == nil:
		return nil, fmt.Errorf("lease: instance %s: Config.Pool and Config.Connections are required", c.Instance)
	}
	if c.DialTimeout <= 0 {
		c.DialTimeout = defaultDialTimeout
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	k := &Keeper{cfg: c, begun: time.Now(), done: make(chan struct{}), member: NewMember(c.Holder), applied: -1,
		changed: make(chan struct{})}
	k.state.Reason = "it has not asked for a lease yet"
	k.ctx, k.stop = context.WithCancel(context.Background())
	k.apply()
	go k.run()
	return k, nil
}

// now reads both clocks.
func (k *Keeper) now() Reading {
	t := time.Now()
	r := Reading{Monotonic: t.Sub(k.begun), Wall: t.Round(0).Sub(k.begun.Round(0))}
	if k.cfg.wall != nil {
		r.Wall += k.cfg.wall()
	}
	return r
}

// State is how this process stands now.
func (k *Keeper) State() State {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.stateLocked(k.now())
}

// stateLocked is the state by both clocks. mu must be held.
func (k *Keeper) stateLocked(now Reading) State {
	s := k.state
	s.Instance = k.cfg.Instance
	s.Floor, s.Granted = k.member.Allowance(now)
	s.Limit, s.Open = s.Floor+s.Granted, k.cfg.Pool.Open()
	switch {
	case k.closed:
		s.Mode, s.Reason, s.Limit, s.Floor, s.Granted = NotReady, "it is closed", 0, 0, 0
	case s.Floor == 0:
		s.Mode = NotReady
		if s.Reason == "" {
			s.Reason = "its place in the connection budget ran out without being renewed"
		}
	case k.member.grant.left(now) == 0:
		s.Mode, s.Expires = Safe, k.member.floor.left(now)
	default:
		s.Mode, s.Expires, s.Reason = Leased, k.member.grant.left(now), ""
	}
	return s
}

// Ready waits until this process may hold connections. When ctx ends first the error is a [*NotReadyError] that says
// why it may not, joined with ctx's.
func (k *Keeper) Ready(ctx context.Context) error {
	for {
		k.mu.Lock()
		s, changed, closed := k.stateLocked(k.now()), k.changed, k.closed
		k.mu.Unlock()
		switch {
		case closed:
			return ErrClosed
		case s.Mode != NotReady:
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return errors.Join(&NotReadyError{k.cfg.Instance, k.State().Reason}, ctx.Err())
		}
	}
}

// MayDial is for the pool to ask right before it opens a connection, which [Pool.Open] counts already. A process that
// was suspended may wake up with a limit whose lease is long over; by this it opens nothing before its Keeper has
// noticed. The error is a [*NotReadyError].
func (k *Keeper) MayDial() error {
	k.mu.Lock()
	s, applied := k.stateLocked(k.now()), k.applied
	k.mu.Unlock()
	if s.Limit < applied {
		k.apply()
	}
	if s.Limit == 0 || s.Open > s.Limit {
		reason := s.Reason
		if reason == "" {
			reason = fmt.Sprintf("its lease allows %d connections now", s.Limit)
		}
		return &NotReadyError{k.cfg.Instance, reason}
	}
	return nil
}

// Close gives the lease back and ends the goroutine. Close the pool first: what it still has open stays charged until
// the server shows it no more, and what is closed is free for others at once. The pool is suspended in any case. An
// error means that the server did not hear of it; the lease then ends by itself. Close may be called again.
func (k *Keeper) Close(ctx context.Context) error {
	k.stop()
	<-k.done
	k.mu.Lock()
	if k.closed {
		k.mu.Unlock()
		return nil
	}
	k.closed = true
	asked := k.member.seq > 0
	k.mu.Unlock()
	k.apply()
	if !asked {
		return nil
	}
	k.mu.Lock()
	q := k.member.Ask(k.now(), Load{Leaving: true})
	k.mu.Unlock()
	// Counted after the pool was suspended: from here on it only falls.
	q.Open = k.cfg.Pool.Open()
	err := k.cfg.Connections.Knock(ctx, func(conn *pgx.Conn) error {
		_, err := Renew(ctx, conn, q)
		return err
	})
	if err != nil {
		return fmt.Errorf("lease: instance %s: the lease was not given back and ends by itself: %w", k.cfg.Instance, err)
	}
	return nil
}
