package lease

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

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

// run renews the lease until Close, and lowers the limit when a promise runs out.
func (k *Keeper) run() {
	defer close(k.done)
	next := time.Now().Add(rand.N(firstKnock))
	timer := time.NewTimer(time.Until(next))
	defer timer.Stop()
	for {
		select {
		case <-k.ctx.Done():
			return
		case <-timer.C:
		}
		k.apply()
		if !time.Now().Before(next) || k.lapsed() || k.surges() {
			k.beat()
			next = time.Now().Add(k.pause())
		}
		timer.Reset(min(max(time.Until(next), time.Millisecond), k.untilChange(), k.untilGlance()))
	}
}

// lapsed reports whether the place ran out between two requests although the last one was answered, as when the wall
// clock was set forward or the machine was suspended: there is nothing to serve callers with until the next one.
func (k *Keeper) lapsed() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	floor, _ := k.member.Allowance(k.now())
	return k.failed == 0 && floor == 0 && k.member.floor.n > 0
}

// pause is how long to wait before the next request: a heartbeat, less while the server waits to hear that this process
// has let go of something or this process has begun to want more than it has, and more for each failure and while there
// is no place for it. Give or take a tenth, so that processes spread.
func (k *Keeper) pause() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	heartbeat := k.heartbeatLocked()
	pause := heartbeat
	floor, granted := k.member.Allowance(k.now())
	switch {
	case floor == 0 && k.failed > 0:
		pause = min(firstKnock<<min(k.failed-1, 10), longestBackOff, 3*heartbeat) // within its row's life
		return pause/2 + rand.N(pause)
	case floor > 0 && k.failed == 1: // not again and again: where many are too many for the server, more do not help
		pause = heartbeat / 2
	case floor > 0 && k.state.Held > granted:
		pause = heartbeat / 4
	case floor > 0 && k.rose && k.state.Want > floor+granted: // others will have heard of it by then
		pause = heartbeat / 2
	}
	return time.Duration(float64(pause) * (0.9 + 0.2*rand.Float64()))
}

// heartbeatLocked is the mean time between requests. mu must be held.
func (k *Keeper) heartbeatLocked() time.Duration {
	if k.state.Renewed.IsZero() {
		return DefaultTTL / 6
	}
	return k.state.Budget.Heartbeat()
}

// window is how far back demand counts: as long as a grant lasts, so that all times of a budget are in proportion.
func (k *Keeper) window() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.state.Budget.TTL
}

// untilChange is how long nothing changes without a reply.
func (k *Keeper) untilChange() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	left := longestBackOff
	now := k.now()
	for _, p := range []promise{k.member.grant, k.member.floor} {
		if l := p.left(now); l > 0 {
			left = min(left, l)
		}
	}
	return left + time.Millisecond
}

// beat makes one request. It ends before a promise does, so that the limit is lowered in time.
func (k *Keeper) beat() {
	most := k.cfg.Most
	if most <= 0 {
		most = unlimited
	}
	want := min(k.wanted(), most)
	k.sick = !k.cfg.Pool.Healthy()
	if k.sick {
		want, most = 0, 1
	}
	k.mu.Lock()
	floor, granted := k.member.Allowance(k.now())
	want = k.calm.Next(want, floor+granted)
	patience := max(k.heartbeatLocked(), leastPatience)
	q := k.member.Ask(k.now(), Load{Open: k.cfg.Pool.Open(), Want: want, Most: most, Weight: k.cfg.Weight})
	k.rose = want > k.state.Want
	k.state.Want = want
	k.mu.Unlock()

	ctx, cancel := context.WithTimeout(k.ctx, min(patience, k.untilChange()))
	defer cancel()
	reply, err := k.ask(ctx, q, patience/3)
	k.take(reply, err)
	k.apply()
}

// ask sends the request over a connection of the pool, or over one of its own when there is none to spare.
func (k *Keeper) ask(ctx context.Context, q Request, patience time.Duration) (reply Reply, err error) {
	if q.Floor > 0 {
		borrowed := false
		wait, cancel := context.WithTimeout(ctx, patience)
		err = k.cfg.Connections.Borrow(wait, func(conn *pgx.Conn) error {
			borrowed = true
			// Shorter than ctx, whose end would cost the connection.
			reply, err = renewWithin(ctx, conn, q, min(patience, lockWait))
			return err
		})
		cancel()
		if borrowed || ctx.Err() != nil {
			return reply, err
		}
	}
	err = k.cfg.Connections.Knock(ctx, func(conn *pgx.Conn) error {
		reply, err = renewWithin(ctx, conn, q, knockWait)
		return err
	})
	return reply, err
}

// take notes a reply or the failure to get one.
func (k *Keeper) take(r Reply, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err == nil {
		err = k.checkGrace(r.Budget)
	}
	k.state.Err = err
	if err != nil {
		k.member.Abandon()
		k.failed++
		k.state.Reason = reasonOf(err)
		return
	}
	if !k.member.Answer(k.now(), r) {
		return
	}
	k.failed = 0
	k.state.Reason, k.state.Held, k.state.Budget = r.Reason, r.Held, r.Budget
	k.state.Members, k.state.Waiting, k.state.Renewed = r.Members, r.Waiting, time.Now()
}

// checkGrace refuses a budget under which a dial of this process could outlive its lease unseen.
func (k *Keeper) checkGrace(b Budget) error {
	if b.Grace > k.cfg.DialTimeout {
		return nil
	}
	return fmt.Errorf("lease: the budget's grace of %s is not longer than this process's dial timeout of %s: a connection "+
		"could be opened after its lease was given away; set a longer grace, or a shorter dial timeout", b.Grace,
		k.cfg.DialTimeout)
}

// reasonOf is the error as a person needs it: the server's own sentence where there is one.
func reasonOf(err error) string {
	var pgErr *pgconn.PgError
	switch {
	case errors.Is(err, ErrNoBudget):
		return "no connection budget is set on this server; set one with `keyway pool set`"
	case errors.As(err, &pgErr):
		return fmt.Sprintf("the lease could not be renewed: %s (%s)", pgErr.Message, pgErr.Code)
	case errors.Is(err, context.DeadlineExceeded):
		return "the lease could not be renewed: the server did not answer in time"
	}
	return "the lease could not be renewed: " + strings.TrimPrefix(err.Error(), "lease: ")
}

// apply gives the pool the limit of the moment.
func (k *Keeper) apply() {
	k.mu.Lock()
	now := k.now()
	s := k.stateLocked(now)
	switch {
	case s.Limit == 0 && (k.applied != 0 || k.told != s.Reason):
		k.cfg.Pool.Suspend(s.Reason)
		k.applied, k.told = 0, s.Reason
	case s.Limit != k.applied:
		if err := k.cfg.Pool.SetLimit(s.Limit); err != nil {
			k.cfg.Log.Error("keyway: a limit was refused by the pool", "instance", k.cfg.Instance, "limit", s.Limit, "error", err.Error())
		}
		k.applied = s.Limit
	}
	before := k.last
	changed := before.Mode != s.Mode || before.Limit != s.Limit || before.Reason != s.Reason
	if changed {
		k.last = s
		close(k.changed)
		k.changed = make(chan struct{})
	}
	k.mu.Unlock()
	if !changed {
		return
	}
	if before.Mode != s.Mode {
		k.log(before, s)
	}
	if k.cfg.OnChange != nil {
		k.cfg.OnChange(s)
	}
}

func (k *Keeper) log(before, s State) {
	attrs := []any{"instance", s.Instance, "was", before.Mode.String(), "limit", s.Limit, "reason", s.Reason}
	switch s.Mode {
	case Leased:
		k.cfg.Log.Info("keyway: this process has its share of the connection budget", attrs...)
	case Safe:
		k.cfg.Log.Warn("keyway: the lease on the connection budget was not renewed; working with the floor", attrs...)
	default:
		k.cfg.Log.Warn("keyway: this process has no share of the connection budget; not ready", attrs...)
	}
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
