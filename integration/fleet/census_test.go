package fleet_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/internal/localpg"
)

// look is what a server shows of the services' role at one moment.
type look struct {
	leased int // backends of processes with a lease
	knocks int // those that ask for one
	tools  int // the keyway command's
	others int // opened beside a pool otherwise
}

func (l look) all() int { return l.leased + l.knocks + l.tools + l.others }

// census counts the services' backends of one server every 25 ms over a superuser's connection.
type census struct {
	stop context.CancelFunc
	done chan struct{}

	mu         sync.Mutex
	leasedMost int // what leased may be; 0: not watched
	allMost    int // what all may be; 0: not watched
	now, most  look
	mostAll    int
	looks      int
	over       int
	longest    time.Duration // between two looks
}

// count watches the i-th server: no more leased backends than the budget without its reserve, no more of all than the
// budget.
func (s *site) count(i int) *census {
	s.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	c := &census{stop: stop, done: make(chan struct{}), leasedMost: s.budget.Connections - s.budget.Reserve, allMost: s.budget.Connections}
	go func() {
		defer close(c.done)
		c.watch(ctx, s.clusters[i].DSN(localpg.Superuser, "postgres"), s.plan.Servers[i].User)
	}()
	return c
}

func (c *census) watch(ctx context.Context, dsn, role string) {
	var conn *pgx.Conn
	defer func() {
		if conn != nil {
			_ = conn.Close(context.Background())
		}
	}()
	const query = `select count(*) filter (where application_name ~ 'kw\.[0-9a-f]{6}\.[0-9a-z]{10}$'),
		count(*) filter (where application_name = 'keyway lease'), count(*) filter (where application_name = 'keyway command line'), count(*)
		from pg_stat_activity where usename = $1`
	last := time.Now()
	for ctx.Err() == nil {
		if conn == nil || conn.IsClosed() {
			conn, _ = pgx.Connect(ctx, dsn)
		}
		if conn != nil {
			var l look
			var all int
			if conn.QueryRow(ctx, query, role).Scan(&l.leased, &l.knocks, &l.tools, &all) == nil {
				l.others = all - l.all()
				c.note(l, time.Since(last))
				last = time.Now()
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(25 * time.Millisecond):
		}
	}
}

func (c *census) note(l look, gap time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.looks++
	c.longest = max(c.longest, gap)
	c.now, c.mostAll = l, max(c.mostAll, l.all())
	c.most = look{max(c.most.leased, l.leased), max(c.most.knocks, l.knocks), max(c.most.tools, l.tools), max(c.most.others, l.others)}
	if c.leasedMost > 0 && l.leased > c.leasedMost || c.allMost > 0 && l.all() > c.allMost {
		c.over++
	}
}

// allow changes what is watched.
func (c *census) allow(leased, all int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leasedMost, c.allMost = leased, all
}

func (c *census) seen() look {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// stoodStill is the longest time between two looks: nobody else on the machine has done anything then either.
func (s *site) stoodStill() (longest time.Duration) {
	for _, c := range s.censuses {
		c.mu.Lock()
		longest = max(longest, c.longest)
		c.mu.Unlock()
	}
	return longest
}

func (c *census) close() {
	c.stop()
	<-c.done
}

func (c *census) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Sprintf("at most %d leased backends of %d, %d of %d in all (%d asking, %d of tools, %d others); %d of %d looks over, %s apart at most",
		c.most.leased, c.leasedMost, c.mostAll, c.allMost, c.most.knocks, c.most.tools, c.most.others, c.over, c.looks,
		c.longest.Round(time.Millisecond))
}
