package fleet_test

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool/lease"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

func TestMain(m *testing.M) {
	runAsChild()
	runAsScratch()
	pgtest.Main(m, func() error { removeScratch(); return goleak.Find() })
}

// soon is for what should happen at once, on a machine that does many other things.
const soon = time.Minute

// The times of the budgets in these tests. A test cannot wait for the default ones, which are 12, 24 and 9 times as
// long; the protocol knows no other time than these.
const (
	ttl         = 2400 * time.Millisecond
	memberTTL   = 5 * time.Second
	grace       = 2200 * time.Millisecond
	dialTimeout = 2 * time.Second // shorter than the grace, as it must be
)

// reclaimed is when everything that a killed process held is free again.
const reclaimed = memberTTL + grace

// length is how long a story's load goes on in each of its parts. KEYWAY_FLEET makes it longer, for a soak.
func length(t testing.TB) time.Duration {
	t.Helper()
	text := os.Getenv("KEYWAY_FLEET")
	if text == "" {
		return 500 * time.Millisecond
	}
	d, err := time.ParseDuration(text)
	require.NoError(t, err, "KEYWAY_FLEET")
	return d
}

// ledger is what the services write. A row keeps its connection for as long as it says.
const ledger = `
create table ledger (tenant_id bigint not null, id bigint not null, hold float8 not null, primary key (tenant_id, id));
create function hold() returns trigger language plpgsql as $$ begin perform pg_sleep(new.hold); return new; end $$;
create trigger hold before insert on ledger for each row execute function hold();
select keyway.shard_table('ledger', 'tenant_id');
`

func shardID(i int) shard.ID { return shard.ID(fmt.Sprintf("s%d", i)) }

// site is a service's servers, its processes, and what is seen of them from outside.
type site struct {
	t        testing.TB
	clusters []*localpg.Cluster // of shard i
	plan     plan
	budget   lease.Budget // of each server
	dir      string
	config   string // for the keyway command

	censuses  []*census
	processes []*process
	started   int
}

// begin makes a database on each cluster, and a budget with the tests' times on each.
func begin(t testing.TB, clusters []*localpg.Cluster, b lease.Budget) *site {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	dir, err := os.MkdirTemp(scratchDir(t), "site-*")
	require.NoError(t, err)
	s := &site{t: t, clusters: clusters, dir: dir}
	s.plan = plan{Name: "test", Connections: b.Connections * len(clusters), Processes: b.Processes, DialTimeout: dialTimeout, Poll: 500 * time.Millisecond}
	for i, c := range clusters {
		database, migrator, app := pgtest.Owned(t, c)
		s.plan.Servers = append(s.plan.Servers, address{fmt.Sprintf("pg-%d", i), c.Addr(), app, migrator, database})
	}
	s.writeConfig()
	_, err = router.Init(ctx, s.plan.config(), router.InitOptions{})
	require.NoError(t, err)
	s.setBudget(b)
	for i := range clusters {
		a := s.plan.Servers[i]
		pgtest.Exec(t, clusters[i], a.Database, fmt.Sprintf("set role %s; %s grant select, insert on ledger to %s", a.Migrator, ledger, a.User))
		s.censuses = append(s.censuses, s.count(i))
	}
	t.Cleanup(s.end)
	if os.Getenv("KEYWAY_FLEET_BACKSTOP") != "" {
		s.backstop()
	}
	return s
}

// backstop lets the servers themselves refuse the role more connections than the budget has. Every story must go on
// as without it.
func (s *site) backstop() {
	s.t.Helper()
	for i, a := range s.plan.Servers {
		s.super(i, fmt.Sprintf("alter role %s connection limit %d", a.User, s.budget.Connections))
	}
}

// setBudget writes the budget on every server, with the tests' times where it says none.
func (s *site) setBudget(b lease.Budget) {
	s.t.Helper()
	b.TTL, b.MemberTTL, b.Grace = cmp.Or(b.TTL, ttl), cmp.Or(b.MemberTTL, memberTTL), cmp.Or(b.Grace, grace)
	for i, a := range s.plan.Servers {
		var err error
		s.budget, err = lease.SetBudget(context.Background(), s.migrator(i), a.User, b)
		require.NoError(s.t, err)
	}
}

func (s *site) migrator(i int) *pgx.Conn {
	a := s.plan.Servers[i]
	return pgtest.Conn(s.t, s.clusters[i], a.Migrator, a.Database)
}

// super runs statements as the superuser in the i-th server's home.
func (s *site) super(i int, sql string) {
	s.t.Helper()
	pgtest.Exec(s.t, s.clusters[i], s.plan.Servers[i].Database, sql)
}

// writeConfig writes what the keyway command reads.
func (s *site) writeConfig() {
	instances, shards := "", ""
	for i, a := range s.plan.Servers {
		instances += fmt.Sprintf("  %s:\n    primary: %q\n    credentials:\n      app: { user: %s }\n      migrator: { user: %s }\n",
			a.Instance, a.Primary, a.User, a.Migrator)
		shards += fmt.Sprintf("  s%d: { instance: %s, database: %s }\n", i, a.Instance, a.Database)
	}
	s.config = filepath.Join(s.dir, "keyway.yaml")
	require.NoError(s.t, os.WriteFile(s.config, []byte(fmt.Sprintf("environment: test\ncatalog: s0\nbudget: { connections: %d, processes: %d }\n"+
		"sslmode: disable\ninstances:\n%sshards:\n%s", s.plan.Connections, s.plan.Processes, instances, shards)), 0o600))
}

// keyway runs the command and returns what it prints.
func (s *site) keyway(args ...string) []byte {
	s.t.Helper()
	cmd := exec.Command(program(s.t), append([]string{"--config", s.config}, args...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(s.t, err, "keyway %s: %s", strings.Join(args, " "), stderr.String())
	return out
}

var built struct {
	once sync.Once
	path string
	err  error
}

// program builds the keyway command once.
func program(t testing.TB) string {
	t.Helper()
	built.once.Do(func() {
		built.path = filepath.Join(scratchDir(t), "keyway")
		cmd := exec.Command("go", "build", "-o", built.path, "./cmd/keyway")
		cmd.Dir = filepath.Join("..", "..")
		if out, err := cmd.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("go build: %w\n%s", err, out)
		}
	})
	require.NoError(t, built.err)
	return built.path
}

// eventually waits for something that is looked at ten times a second.
func (s *site) eventually(what string, ok func() bool) {
	s.t.Helper()
	s.within(soon, what, ok)
}

func (s *site) within(d time.Duration, what string, ok func() bool) {
	s.t.Helper()
	began := time.Now()
	for end := began.Add(d); !ok(); time.Sleep(time.Duration(1+len(s.processes)) * 10 * time.Millisecond) {
		if time.Now().After(end) {
			s.explain()
			s.t.Fatalf("not within %s: %s", d, what)
		}
	}
	if took := time.Since(began); took > 200*time.Millisecond {
		s.t.Logf("after %s: %s", took.Round(10*time.Millisecond), what)
	}
}

// explain logs what everybody says.
func (s *site) explain() {
	for _, p := range s.processes {
		if !p.ended {
			s.t.Logf("%s: %+v", p.name, p.status())
		}
	}
	for i := range s.clusters {
		v := s.view(i)
		s.t.Logf("pg-%d: charged %d of %+v", i, v.Charged, v.Budget)
		for _, r := range v.Leases {
			s.t.Logf("  %s floor %d held %d granted %d shown %d want %d charge %d expires in %s", r.Holder.Application, r.Floor, r.Held,
				r.Granted, r.Shown, r.Want, r.Charge(v.Now), r.Expires.Sub(v.Now))
		}
	}
}

// view is the budget of the i-th server as the server has it.
func (s *site) view(i int) lease.View {
	s.t.Helper()
	a := s.plan.Servers[i]
	conn, err := pgx.Connect(context.Background(), s.clusters[i].DSN(localpg.Superuser, a.Database))
	require.NoError(s.t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	v, err := lease.Overview(context.Background(), conn)
	require.NoError(s.t, err)
	return v
}

// ready is how many of the processes are.
func (s *site) ready() (n int) {
	var all []*process
	for _, p := range s.processes {
		if !p.ended {
			all = append(all, p)
		}
	}
	at(all, func(p *process) { p.status() })
	for _, p := range all {
		if p.last.Ready == "" {
			n++
		}
	}
	return n
}

// progress waits until every process given has served n more statements on each shard.
func (s *site) progress(n int64, why string, processes ...*process) {
	s.t.Helper()
	from := map[*process]status{}
	for _, p := range processes {
		from[p] = p.status()
	}
	s.eventually(why, func() bool {
		for _, p := range processes {
			now := p.status()
			for i := range s.plan.Servers {
				if now.Served[shardID(i)] < from[p].Served[shardID(i)]+n {
					return false
				}
			}
		}
		return true
	})
}

// end stops what runs and checks what must hold in any story: the budget, the errors, and the acknowledged rows.
func (s *site) end() {
	at(s.processes, func(p *process) {
		if !p.ended && !s.t.Failed() {
			p.leave()
		}
		p.kill()
	})
	kinds := map[string]int64{}
	last := map[string]string{}
	var served int64
	for _, p := range s.processes {
		for kind, n := range p.last.Failed {
			kinds[kind] += n
			last[kind] = p.last.Last[kind]
		}
		for _, n := range p.last.Served {
			served += n
		}
	}
	s.t.Logf("%d processes served %d statements; failed: %v", len(s.processes), served, kinds)
	for i, c := range s.censuses {
		c.close()
		s.t.Logf("pg-%d: %s", i, c)
		require.Zero(s.t, c.over, "pg-%d: backends over the budget: %s", i, c)
	}
	require.Zero(s.t, kinds[rawFull], "the server's own error reached a caller: %s", last[rawFull])
	require.Zero(s.t, kinds[other], "%s", last[other])
	s.nothingAcknowledgedIsLost()
}

func (s *site) nothingAcknowledgedIsLost() {
	there := map[int64]bool{}
	for i, a := range s.plan.Servers {
		conn := pgtest.Conn(s.t, s.clusters[i], localpg.Superuser, a.Database)
		rows, err := conn.Query(context.Background(), "select id from ledger")
		require.NoError(s.t, err)
		ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		require.NoError(s.t, err)
		for _, id := range ids {
			require.False(s.t, there[id], "a row is there twice")
			there[id] = true
		}
	}
	acked, lost := 0, 0
	for _, p := range s.processes {
		file, err := os.ReadFile(p.acked)
		if os.IsNotExist(err) {
			continue // it was killed before it began
		}
		require.NoError(s.t, err)
		for ; len(file) >= 8; file = file[8:] {
			acked++
			if !there[int64(binary.LittleEndian.Uint64(file))] {
				lost++
			}
		}
	}
	s.t.Logf("%d rows acknowledged, %d there", acked, len(there))
	require.Zero(s.t, lost, "acknowledged and not there")
}
