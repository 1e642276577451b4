// Package callsite finds the place in an application from which this module was called.
package callsite

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
)

const module = "github.com/keyway-go/keyway/"

// Find is the first place of a stack, innermost first as runtime.Callers gives it, that is not in this module's packages.
// What begins a goroutine is nobody's place: after it, the work is the module's own, and the outermost place in the
// module is returned.
func Find(pcs []uintptr) runtime.Frame { return find(pcs, isOurs) }

// FindBeyondDrivers is Find that also passes by pgx, database/sql and the query layers over them.
func FindBeyondDrivers(pcs []uintptr) runtime.Frame {
	return find(pcs, func(function string) bool { return isOurs(function) || isDriver(function) })
}

func find(pcs []uintptr, passed func(function string) bool) runtime.Frame {
	frames := runtime.CallersFrames(pcs)
	var own runtime.Frame
	for {
		f, more := frames.Next()
		switch {
		case passed(f.Function):
			own = f
		case own.Function == "" || !strings.HasPrefix(f.Function, "sync.(*WaitGroup)") && f.Function != "runtime.goexit":
			return f
		}
		if !more {
			return own
		}
	}
}

// Long is the place as "function file:line" with the whole path of the file.
func Long(f runtime.Frame) string { return fmt.Sprintf("%s %s:%d", f.Function, f.File, f.Line) }

// Short is the place as "pkg.Func file.go:12", the same whatever directory the program was built in.
func Short(f runtime.Frame) string {
	return fmt.Sprintf("%s %s:%d", f.Function[strings.LastIndexByte(pathOf(f.Function), '/')+1:], filepath.Base(f.File), f.Line)
}

// pathOf is the name without type arguments, which are paths too.
func pathOf(function string) string {
	before, _, _ := strings.Cut(function, "[")
	return before
}

func isOurs(function string) bool {
	name, ok := strings.CutPrefix(function, module)
	pkg, _, _ := strings.Cut(name, ".")
	return ok && (pkg == "pool" || pkg == "router" || pkg == "txn")
}

// drivers begin the names of what stands between a statement and the code that wants it. Code that sqlc generates is
// the application's: its functions are named as the queries.
var drivers = []string{
	"github.com/jackc/pgx/", "database/sql.", "gorm.io/", "github.com/Masterminds/squirrel", "github.com/georgysavva/scany",
	"github.com/jmoiron/sqlx", "github.com/uptrace/bun", "entgo.io/ent/",
}

func isDriver(function string) bool {
	for _, d := range drivers {
		if strings.HasPrefix(function, d) {
			return true
		}
	}
	return false
}
