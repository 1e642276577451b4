package fleet_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/keyway-go/keyway/pool"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
	"github.com/keyway-go/keyway/txn"
)

// childEnv makes the test binary a service: it holds a plan as JSON.
const childEnv = "KEYWAY_FLEET_CHILD"

// plan is what a service is started with.
type plan struct {
	Name        string
	Servers     []address
	Connections int // of the whole deployment
	Processes   int
	Unleased    int // connections to each server without a lease; 0 means with one
	DialTimeout time.Duration
	OpenTimeout time.Duration // 0: Open waits as long as it takes
	Poll        time.Duration // 0: the default
	AllowDown   bool
	Acked       string // the file that acknowledged ids are appended to
}

// address is one server: the shard si on the instance pg-i. Servers that share a home have several databases.
type address struct{ Instance, Primary, User, Migrator, Database string }

func (p plan) config() router.Config {
	cfg := router.Config{
		Environment: p.Name, Catalog: "s0", TLS: router.TLS{Mode: router.Disable}, ConnectTimeout: p.DialTimeout,
		Budget:    router.Budget{Connections: p.Connections, Processes: p.Processes},
		Instances: map[string]router.Instance{}, Shards: map[shard.ID]router.Shard{},
	}
	for i, a := range p.Servers {
		cfg.Instances[a.Instance] = router.Instance{Primary: a.Primary, Credentials: router.Credentials{
			App: router.Credential{User: a.User}, Migrator: router.Credential{User: a.Migrator},
		}}
		cfg.Shards[shard.ID(fmt.Sprintf("s%d", i))] = router.Shard{Instance: a.Instance, Database: a.Database}
	}
	return cfg
}

// order is one line on a service's standard input. The answer is one line with a status.
type order struct {
	Callers map[shard.ID]int // how many callers each shard has from now on; a shard that is missing keeps its number
	Hold    time.Duration    // how long each statement keeps its connection; 0 leaves it
	Close   bool             // the answer comes when the router is closed
}

// status is what a service says of itself.
type status struct {
	Open     bool   // Open has returned
	OpenErr  string // with this error
	Ready    string // why it is not ready; empty when it is
	Served   map[shard.ID]int64
	Failed   map[string]int64 // by kind
	Last     map[string]string
	Limits   map[string]int
	Log      []string // the last lines
	CloseFor time.Duration
}

// service is the program that a child runs.
type service struct {
	plan   plan
	acked  *os.File
	hold   atomic.Int64
	served map[shard.ID]*atomic.Int64

	mu      sync.Mutex
	db      *router.DB
	openErr error
	callers map[shard.ID]*callers
	failed  map[string]int64
	last    map[string]string
	log     []string
	work    sync.WaitGroup
}

// callers are the loops of one shard. Those whose number is at least want end.
type callers struct {
	want   int
	alive  map[int]bool
	tenant []int64
}

// runAsChild never returns in a child. A service ends when its standard input does, so that none outlives its test.
func runAsChild() {
	text := os.Getenv(childEnv)
	if text == "" {
		return
	}
	s := &service{
		served: map[shard.ID]*atomic.Int64{}, callers: map[shard.ID]*callers{}, failed: map[string]int64{},
		last: map[string]string{},
	}
	if err := json.Unmarshal([]byte(text), &s.plan); err != nil {
		panic(err)
	}
	for i := range s.plan.Servers {
		s.served[shard.ID(fmt.Sprintf("s%d", i))] = &atomic.Int64{}
	}
	var err error
	if s.acked, err = os.OpenFile(s.plan.Acked, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		panic(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	opened := make(chan struct{})
	go func() {
		defer close(opened)
		s.open(ctx)
	}()
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var o order
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			panic(err)
		}
		var took time.Duration
		if o.Close {
			stop()
			<-opened
			took = s.close()
		}
		s.obey(o)
		st := s.status()
		st.CloseFor = took
		line, err := json.Marshal(st)
		if err != nil {
			panic(err)
		}
		fmt.Println(string(line))
	}
	stop()
	<-opened
	s.close()
	os.Exit(0)
}

func (s *service) open(ctx context.Context) {
	if s.plan.OpenTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.plan.OpenTimeout)
		defer cancel()
	}
	opts := []router.Option{
		router.WithLogger(slog.New(slog.NewTextHandler(s, nil))), router.WithCloseGrace(20 * time.Second),
		router.WithoutLease(s.plan.Unleased), router.WithPollInterval(s.plan.Poll),
	}
	if s.plan.AllowDown {
		opts = append(opts, router.AllowDown())
	}
	db, err := router.Open(ctx, s.plan.config(), opts...)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.openErr = err; err != nil {
		return
	}
	s.db = db
	for id, c := range s.callers {
		s.fillLocked(id, c)
	}
}

// Write keeps the last lines of the log.
func (s *service) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, string(line))
	s.log = s.log[max(0, len(s.log)-20):]
	return len(line), nil
}

func (s *service) obey(o order) {
	if o.Hold > 0 {
		s.hold.Store(int64(o.Hold))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, n := range o.Callers {
		c := s.callers[id]
		if c == nil {
			c = &callers{alive: map[int]bool{}}
			s.callers[id] = c
		}
		c.want = n
		s.fillLocked(id, c)
	}
}

// fillLocked starts the callers that are missing. mu must be held.
func (s *service) fillLocked(id shard.ID, c *callers) {
	if s.db == nil {
		return
	}
	for k := int64(1); len(c.tenant) < c.want; k++ {
		k := k + 1_000*int64(os.Getpid())
		if r, err := s.db.Route(shard.Int64(k)); err == nil && r.Shard == id {
			c.tenant = append(c.tenant, k)
		}
	}
	for i := range c.want {
		if !c.alive[i] {
			c.alive[i] = true
			tenant := c.tenant[i]
			s.work.Go(func() { s.call(s.db, id, c, i, tenant) })
		}
	}
}

// call sends one statement after the other.
func (s *service) call(db *router.DB, id shard.ID, c *callers, i int, tenant int64) {
	for s.wanted(c, i) {
		s.insert(db, id, tenant)
	}
}

// wanted also notes that a caller ends.
func (s *service) wanted(c *callers, i int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i >= c.want {
		c.alive[i] = false
		return false
	}
	return true
}

// insert sends one routed statement, whose trigger keeps it for the time that is set, and notes what was acknowledged.
func (s *service) insert(db *router.DB, id shard.ID, tenant int64) {
	const text = "insert into ledger (tenant_id, id, hold) values ($1, $2, $3)"
	row := rand.Int64()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	_, err := db.Exec(ctx, text, tenant, row, time.Duration(s.hold.Load()).Seconds())
	if err == nil {
		s.served[id].Add(1)
		_, _ = s.acked.Write(binary.LittleEndian.AppendUint64(nil, uint64(row))) // in one piece
		return
	}
	s.fail(err)
	time.Sleep(20 * time.Millisecond)
}

// Kinds of failures.
const (
	noBudget = "no budget" // refused because this process has no place
	rawFull  = "raw 53300" // the server's own error
	refused  = "refused"   // the server could not be reached, or was full, and the pool says so
	noAnswer = "no answer"
	inDoubt  = "in doubt" // the connection ended under the statement
	other    = "other"
)

func (s *service) fail(err error) {
	kind := kindOf(err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed[kind]++
	s.last[kind] = err.Error()
}

func kindOf(err error) string {
	var none *pool.NoBudgetError
	var connect *pool.ConnectError
	var raw *pgconn.PgError
	var down *router.ShardDownError
	var doubt *txn.InDoubtError
	switch {
	case errors.As(err, &doubt):
		return inDoubt
	case errors.As(err, &none):
		return noBudget
	case errors.As(err, &connect):
		return refused
	case errors.As(err, &raw) && raw.Code == "53300":
		return rawFull
	case errors.As(err, &down):
		return refused
	case errors.Is(err, context.DeadlineExceeded):
		return noAnswer
	}
	return other
}

func (s *service) status() status {
	s.mu.Lock()
	st := status{Served: map[shard.ID]int64{}, Failed: map[string]int64{}, Last: map[string]string{}, Limits: map[string]int{}}
	for k, n := range s.failed {
		st.Failed[k], st.Last[k] = n, s.last[k]
	}
	st.Log = append(st.Log, s.log...)
	db := s.db
	if s.openErr != nil {
		st.OpenErr = s.openErr.Error()
	}
	s.mu.Unlock()
	for id, n := range s.served {
		st.Served[id] = n.Load()
	}
	if db == nil {
		st.Ready = "Open has not returned"
		return st
	}
	st.Open = true
	if err := db.Ready(); err != nil {
		st.Ready = err.Error()
	}
	for _, in := range db.Instances() {
		st.Limits[in.Name()] = in.Limit()
	}
	return st
}

// close ends the callers, then the router, and returns how long the latter took.
func (s *service) close() time.Duration {
	s.mu.Lock()
	for _, c := range s.callers {
		c.want = 0
	}
	db := s.db
	s.mu.Unlock()
	s.work.Wait()
	began := time.Now()
	if db != nil {
		db.Close()
	}
	return time.Since(began)
}
