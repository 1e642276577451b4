package callsite

import (
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func here() []uintptr {
	var pcs [16]uintptr
	return pcs[:runtime.Callers(2, pcs[:])]
}

func TestThePlaceIsTheFirstOneOutside(t *testing.T) {
	var pcs []uintptr
	slices.SortFunc([]int{1, 2}, func(int, int) int { pcs = here(); return 0 })
	f := Find(pcs)
	require.Contains(t, Long(f), "callsite.TestThePlaceIsTheFirstOneOutside.func1 ")
	require.Regexp(t, `^callsite\.TestThePlaceIsTheFirstOneOutside\.func1 callsite_test\.go:\d+$`, Short(f))
	passing := func(names ...string) runtime.Frame {
		return find(pcs, func(function string) bool { return slices.Contains(names, function) })
	}
	const self = module + "internal/callsite.TestThePlaceIsTheFirstOneOutside"
	require.Contains(t, passing(self+".func1").Function, "slices.")
}

func TestWhatBeginsAGoroutineIsNobodysPlace(t *testing.T) {
	done := make(chan []uintptr)
	go func() { done <- here() }()
	f := find(<-done, func(function string) bool { return function != "runtime.goexit" })
	require.Contains(t, f.Function, "TestWhatBeginsAGoroutineIsNobodysPlace", "the outermost of its own")
}

func TestWhatIsPassedBy(t *testing.T) {
	for function, want := range map[string]bool{
		"github.com/keyway-go/keyway/router.(*DB).Exec":                                      true,
		"github.com/keyway-go/keyway/router.Get[go.shape.int64]":                             true,
		"github.com/keyway-go/keyway/txn.(*Tx).Exec":                                         true,
		"github.com/keyway-go/keyway/router_test.TestX":                                      false,
		"github.com/keyway-go/keyway/router/importer.Run":                                    false,
		"github.com/jackc/pgx/v5/pgxpool.(*Pool).Exec":                                       true,
		"database/sql.(*DB).ExecContext":                                                     true,
		"gorm.io/gorm.(*DB).Find":                                                            true,
		"github.com/acme/shop/database/sql.Find":                                             false,
		"main.main":                                                                          false,
		"github.com/acme/shop/orders.(*Queries).ListOrders":                                  false,
		"github.com/keyway-go/keyway/router.Each[github.com/acme/shop.Order].func1":          true,
		"github.com/keyway-go/keyway/router.(*rows).start":                                   true,
		"github.com/acme/shop/orders.List[github.com/keyway-go/keyway/router.(*DB)].func1.2": false,
	} {
		require.Equal(t, want, isOurs(function) || isDriver(function), function)
	}
	require.Equal(t, "orders.List[a/b.C].func1 list.go:7",
		Short(runtime.Frame{Function: "github.com/acme/shop/orders.List[a/b.C].func1", File: "/x/y/list.go", Line: 7}))
	require.Equal(t, "main.main m.go:1", Short(runtime.Frame{Function: "main.main", File: "m.go", Line: 1}))
}
