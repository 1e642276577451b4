package router_test

import (
	"context"
	"log/slog"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/pool"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

// something sets a field to a value that is not its zero value.
func something(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint8:
		v.SetUint(1)
	case reflect.Func:
		v.Set(reflect.MakeFunc(v.Type(), func([]reflect.Value) []reflect.Value { panic("not called") }))
	default:
		t.Fatalf("no value for a %s", v.Type())
	}
}

// TestEverySettingOfThePoolCanBeMade holds that no field of pool.Config is forgotten, in either direction.
func TestEverySettingOfThePoolCanBeMade(t *testing.T) {
	elsewhere := map[string]string{
		"Name": "the instance's", "Conn": "its address and credentials", "PoolerExecMode": "Config.ExecMode",
		"Limit": "the lease's", "Control": "the router's", "DialTimeout": "Config.ConnectTimeout", "Password": "Config.Password",
		"Log": "WithLogger",
	}
	ours, theirs := reflect.TypeFor[router.PoolConfig](), reflect.TypeFor[pool.Config]()
	for f := range theirs.Fields() {
		if elsewhere[f.Name] != "" {
			continue
		}
		own, ok := ours.FieldByName(f.Name)
		require.True(t, ok, "PoolConfig has no %s", f.Name)
		require.Equal(t, f.Type, own.Type, f.Name)

		var c router.PoolConfig
		something(t, reflect.ValueOf(&c).Elem().FieldByName(f.Name))
		got := reflect.ValueOf(router.PoolOf(c)).FieldByName(f.Name)
		if f.Type.Kind() == reflect.Func {
			require.False(t, got.IsNil(), "%s does not reach the pool", f.Name)
			continue
		}
		require.Equal(t, reflect.ValueOf(c).FieldByName(f.Name).Interface(), got.Interface(), "%s does not reach the pool", f.Name)
	}
	for f := range ours.Fields() {
		_, ok := theirs.FieldByName(f.Name)
		require.True(t, ok, "pool.Config has no %s", f.Name)
	}
}

func TestEachFaultOfThePoolsSettingsIsASentence(t *testing.T) {
	for want, p := range map[string]router.PoolConfig{
		"pool.max_waiting: must not be negative":                                         {MaxWaiting: -1},
		"pool.max_dials: must not be negative":                                           {MaxDials: -1},
		"pool.reserve: must not be negative":                                             {Reserve: -1},
		"pool.max_per_key: must not be negative":                                         {MaxPerKey: -1},
		"pool.queue_interval: must not be negative":                                      {QueueInterval: -1},
		"pool.min_open: must not be negative":                                            {MinOpen: -1},
		"pool.ping_timeout: must not be negative":                                        {PingTimeout: -1},
		"pool.drain_timeout: must not be negative":                                       {DrainTimeout: -1},
		"pool.linger_timeout: must not be negative":                                      {LingerTimeout: -1},
		"pool.no_idle: keeps no connection":                                              {NoIdle: true, MinIdle: 1},
		"pool.max_idle: 2 is less than the 3 connections that min_open or min_idle keep": {MaxIdle: 2, MinOpen: 3},
		"pool.idle_order: is unknown":                                                    {IdleOrder: 9},
		"pool.leak_after: is not given, so that OnLeak would never be called":            {OnLeak: func(pool.Leak) {}},
	} {
		cfg := example()
		cfg.Pool = p
		sentence(t, cfg.Validate(), want)
	}
}

// logged is a log that may be written and read at once.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logged) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func TestAConnectionHeldForTooLongIsLoggedWithItsCaller(t *testing.T) {
	f := initialised(t, 1)
	f.cfg.Pool.LeakAfter = 50 * time.Millisecond
	var log logged
	db := f.open(router.WithLogger(log.logger()))
	rows, err := db.Shard("s0").Query(f.ctx(), "select 1")
	require.NoError(t, err)
	defer rows.Close()
	line := regexp.MustCompile(`level=WARN msg="keyway: a connection is held for longer than leak_after" instance=i0 database=\S+ ` +
		`held=\S+ caller="\S+TestAConnectionHeldForTooLong\S+ \S+pools_test\.go:\d+"`)
	require.Eventually(t, func() bool { return line.MatchString(log.String()) }, time.Minute, 5*time.Millisecond)
}

func TestOpenWaitsForTheConnectionsOfMinOpen(t *testing.T) {
	f := fresh(t, 2)
	f.cfg.Budget = router.Budget{Connections: 80, Processes: 2} // 9 always for each on each server
	f.init()
	var dials atomic.Int32
	f.cfg.Pool.MinOpen = 3
	f.cfg.Pool.BeforeConnect = func(context.Context, *pgx.ConnConfig) error { dials.Add(1); return nil }
	db := f.open()
	for _, in := range db.Stat().Instances {
		require.GreaterOrEqual(t, in.Open, 3, in.Name)
	}
	require.GreaterOrEqual(t, dials.Load(), int32(6))
	require.NoError(t, db.Warm(f.ctx(), 4))
	for _, in := range db.Stat().Instances {
		require.GreaterOrEqual(t, in.Open, 4, in.Name)
		require.LessOrEqual(t, in.Open, in.Limit)
	}
	require.NoError(t, db.Warm(f.ctx(), 1000), "as far as the budget allows")
	db.Close()
	require.ErrorIs(t, db.Warm(f.ctx(), 1), router.ErrClosed)
}

func TestAShardThatIsDownDoesNotHoldUpOpenForItsWarmConnections(t *testing.T) {
	f := fresh(t, 2)
	f.cfg.Budget = router.Budget{Connections: 80, Processes: 2}
	f.init()
	f.cfg.Instances["i1"] = router.Instance{Primary: "127.0.0.1:1", Credentials: f.cfg.Instances["i1"].Credentials}
	f.cfg.Pool.MinOpen, f.cfg.ConnectTimeout = 2, 5*time.Second
	var log logged
	db := f.open(router.AllowDown(), router.WithLogger(log.logger()))
	require.GreaterOrEqual(t, db.Stat().Instances[0].Open, 2)
}

func TestAHookMayNotChangeTheNameThatLeasesAreCountedBy(t *testing.T) {
	f := initialised(t, 1)
	f.cfg.Pool.BeforeConnect = func(_ context.Context, cc *pgx.ConnConfig) error {
		cc.RuntimeParams["application_name"] = "mine"
		return nil
	}
	_, err := router.Open(f.ctx(), f.cfg)
	sentence(t, err, "BeforeConnect changed application_name", "set Config.Application instead")
}

func TestAHookMayNotChangeWhatRoutingRestsOn(t *testing.T) {
	f := initialised(t, 1)
	f.cfg.Pool.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "set search_path = pg_catalog")
		return err
	}
	_, err := router.Open(f.ctx(), f.cfg)
	sentence(t, err, "search_path is pg_catalog")
}

func TestTheLibrarysOwnWorkIsReportedWithAPlaceInTheLibrary(t *testing.T) {
	f := initialised(t, 1)
	f.cfg.Pool.LeakAfter = 50 * time.Millisecond
	tx, err := f.migrator("s0").Begin(f.ctx())
	require.NoError(t, err)
	_, err = tx.Exec(f.ctx(), "lock table keyway.tables") // Open reads it
	require.NoError(t, err)
	var log logged
	opened := make(chan error, 1)
	go func() {
		db, err := router.Open(f.ctx(), f.cfg, router.WithLogger(log.logger()))
		if err == nil {
			db.Close()
		}
		opened <- err
	}()
	require.Eventually(t, func() bool { return strings.Contains(log.String(), "leak_after") }, time.Minute, 5*time.Millisecond)
	require.NoError(t, tx.Rollback(f.ctx()))
	require.NoError(t, <-opened)
	require.Contains(t, log.String(), `caller="github.com/keyway-go/keyway/router.`)
	require.NotContains(t, log.String(), "sync.(*WaitGroup)")
}

func TestAPausedInstanceServesNobodyAndTheOthersGoOn(t *testing.T) {
	f, db := opened(t, 2)
	one := func(ctx context.Context, id shard.ID) error {
		_, err := db.Shard(id).Exec(ctx, "select")
		return err
	}
	require.NoError(t, db.Pause(f.ctx(), "i1"))
	require.ErrorContains(t, one(pgtest.Until(t, func() bool { return db.Stat().Instances[1].Waiting > 0 }), "s1"), "the pool is paused")
	require.NoError(t, one(f.ctx(), "s0"))
	require.NoError(t, db.Resume("i1"))
	require.NoError(t, one(f.ctx(), "s1"))

	rows, err := db.Shard("s0").Query(f.ctx(), "select 1")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(f.ctx(), 100*time.Millisecond)
	defer cancel()
	require.ErrorContains(t, db.Pause(ctx), "not paused")
	require.NoError(t, one(f.ctx(), "s1"), "what could be paused is resumed too")
	require.NoError(t, db.Pause(f.ctx(), "i1"))
	require.ErrorContains(t, db.Pause(ctx), "not paused")
	require.ErrorContains(t, one(pgtest.Until(t, func() bool { return db.Stat().Instances[1].Waiting > 0 }), "s1"), "the pool is paused",
		"it was before")
	rows.Close()
	require.NoError(t, db.Pause(f.ctx()))
	require.NoError(t, db.Resume())
	sentence(t, db.Pause(f.ctx(), "i7"), `there is no instance "i7" with a shard (i0, i1)`)
	sentence(t, db.Resume("i7"), `there is no instance "i7"`)
}
