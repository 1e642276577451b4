package lease

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
	"time"
)

// A Holder is a process as it appears beside its lease. Nothing in it is secret.
type Holder struct {
	Name        string    // unique; see [NewHolder]
	Application string    // what the service calls itself
	Host        string    // the machine's name
	PID         int       // of the process
	Started     time.Time // when the holder was made
}

// NewHolder names this process for the server whose home is the given database. Names are random, and begin alike on
// one server, since database names are unique there: backends of others' budgets are told apart by it.
func NewHolder(home, application string) Holder {
	scope := sha256.Sum256([]byte(home))
	host, _ := os.Hostname()
	return Holder{
		Name:        "kw." + hex.EncodeToString(scope[:3]) + "." + strings.ToLower(rand.Text()[:10]),
		Application: application, Host: host, PID: os.Getpid(), Started: time.Now(),
	}
}

// scopeOf is the part of a name that all holders of one home share.
func scopeOf(name string) string { return name[:strings.LastIndexByte(name, '.')+1] }

// longestName is the most bytes that PostgreSQL keeps of an application_name.
const longestName = 63

// ApplicationName is the application_name that connections of this process must have: the service's name, cut where it
// is too long, and the holder's. By it the server shows whose a backend is.
func (h Holder) ApplicationName() string {
	// PostgreSQL writes other characters as escapes, several bytes each, and might cut the holder's name off.
	name := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, h.Application)
	name = name[:min(len(name), longestName-len(h.Name)-1)]
	return strings.TrimSpace(name + " " + h.Name)
}
