// Package pgtest gives tests real PostgreSQL servers, databases and roles that
// disappear with the test.
//
// A test is never skipped because there is no server: it fails with a sentence
// that says how to get one.
package pgtest

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyway-go/keyway/internal/localpg"
)

// EnvMajor names the environment variable that selects the major version of
// PostgreSQL for the tests, as make test-matrix does. Unset means 15 or later,
// as [localpg.Newest] finds it.
const EnvMajor = "KEYWAY_TEST_PG_MAJOR"

// startTimeout bounds a start, on a machine that runs other tests too.
const startTimeout = 2 * time.Minute

// shared are the clusters of this test process, closed by Main or, when the
// process ends in another way, by their watchdogs.
var shared struct {
	mu       sync.Mutex
	clusters []*localpg.Cluster
}

// Main runs the tests of a package and closes what they shared: call it from
// TestMain. The checks run after the clusters are closed and fail the package
// when they return an error; goleak.Find fits.
//
// The PG* variables of the environment are forgotten first: pgx reads them into
// every connection, and a PGSERVICE of the developer's own would break them all.
func Main(m *testing.M, checks ...func() error) {
	forgetVariables()
	code := m.Run()
	if err := closeShared(); err != nil {
		fmt.Fprintln(os.Stderr, "pgtest: close the shared clusters:", err)
		code = max(code, 1)
	}
	for _, check := range checks {
		if code != 0 {
			break
		}
		if err := check(); err != nil {
			fmt.Fprintln(os.Stderr, "pgtest:", err)
			code = 1
		}
	}
	os.Exit(code)
}

func forgetVariables() {
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "PG") {
			_ = os.Unsetenv(name)
		}
	}
}

func closeShared() error {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	var first error
	for _, c := range shared.clusters {
		if err := c.Close(); err != nil && first == nil {
			first = err
		}
	}
	shared.clusters = nil
	return first
}

// Shared returns the cluster that the tests of this process share, and starts
// it on first use. Tests must not stop it, and use databases and roles of
// their own ([Database], [Role], [Owned]).
func Shared(t testing.TB) *localpg.Cluster {
	t.Helper()
	return SharedN(t, 1)[0]
}

// SharedN returns n clusters that the tests of this process share. The first
// is the one of [Shared]; those that are missing are started together.
func SharedN(t testing.TB, n int) []*localpg.Cluster {
	t.Helper()
	install := find(t)
	shared.mu.Lock()
	defer shared.mu.Unlock()
	missing := max(0, n-len(shared.clusters))
	started := make([]*localpg.Cluster, missing)
	errs := make([]error, missing)
	var wg sync.WaitGroup
	for i := range missing {
		wg.Go(func() {
			started[i], errs[i] = start(localpg.Options{Install: install, Name: fmt.Sprintf("shared %d", n-missing+i)})
		})
	}
	wg.Wait()
	var failed error
	for i, c := range started {
		if errs[i] != nil {
			failed = errs[i]
			continue
		}
		shared.clusters = append(shared.clusters, c)
	}
	if failed != nil {
		t.Fatalf("start a shared cluster: %v", failed)
	}
	return slices.Clone(shared.clusters[:n])
}

// Private starts a cluster for this test alone, which may kill it. It is closed
// when the test ends. At most one value of options is used; its Install, when
// zero, is the version under test.
func Private(t testing.TB, options ...localpg.Options) *localpg.Cluster {
	t.Helper()
	var o localpg.Options
	if len(options) > 0 {
		o = options[0]
	}
	if o.Install.Bin == "" {
		o.Install = find(t)
	}
	c, err := start(o)
	if err != nil {
		t.Fatalf("start a cluster: %v", err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close the cluster: %v", err)
		}
	})
	return c
}

// Major is the major version of PostgreSQL that the tests run on.
func Major(t testing.TB) int {
	t.Helper()
	return find(t).Major
}

func start(o localpg.Options) (*localpg.Cluster, error) {
	if os.Getenv(localpg.EnvTemp) == "" {
		o.Parent = cmp.Or(o.Parent, memoryDir())
	}
	o.Templates = cmp.Or(o.Templates, templates())
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	return localpg.Start(ctx, o)
}

// templates is a directory in the cache of the outermost module around the working directory, where a test runs, or ""
// when that cannot be told.
func templates() string {
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	root := ""
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			root = dir
		}
	}
	if root == "" {
		return ""
	}
	return filepath.Join(root, ".cache", "clusters")
}

// isShared reports whether the cluster outlives the test.
func isShared(c *localpg.Cluster) bool {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	return slices.Contains(shared.clusters, c)
}

// find returns the PostgreSQL to test on, or fails the test.
func find(t testing.TB) localpg.Install {
	t.Helper()
	install, err := installation()
	if err != nil {
		t.Fatalf("these tests need a real PostgreSQL: %v", err)
	}
	return install
}

// installation is looked up once: every look runs the programs found.
var installation = sync.OnceValues(func() (localpg.Install, error) {
	text := os.Getenv(EnvMajor)
	if text == "" {
		return localpg.Newest(15)
	}
	major, err := strconv.Atoi(text)
	if err != nil {
		return localpg.Install{}, fmt.Errorf("%s must be a number such as 18", EnvMajor)
	}
	return localpg.Major(major)
})
