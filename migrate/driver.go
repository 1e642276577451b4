package migrate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	engine "github.com/golang-migrate/migrate/v4"
	"github.com/golang-migrate/migrate/v4/database"
)

// driver is golang-migrate's view of a session. The engine decides which file is
// next; how a file is applied, and that its version goes with it, is the session's.
type driver struct {
	ctx     context.Context // of Up: the engine's interface has none
	session *session
	files   *fileSet
	current *file // between SetVersion(v, dirty) and SetVersion(v, clean)
}

var _ database.Driver = (*driver)(nil)

// step lets the engine apply the next file.
//
// One step at a time, and not Migrate.Up: the engine reads ahead in goroutines
// that nobody ends when a file fails. Read-ahead off and a body that is always
// read to its end leave none behind.
func (d *driver) step() error {
	m, err := engine.NewWithInstance("iofs", d.files.source, "keyway", d)
	if err != nil {
		return err
	}
	m.PrefetchMigrations = 1
	m.LockTimeout = math.MaxInt64 * time.Nanosecond // Lock has a context and does not wait
	return m.Steps(1)
}

// Lock checks that the session's lock is still there.
func (d *driver) Lock() error { return d.session.stillLocked(d.ctx) }

// Unlock does nothing: the lock is held over all files and ends with its session.
func (d *driver) Unlock() error { return nil }

// Version is the highest finished version in the history. It is never dirty.
func (d *driver) Version() (int, bool, error) {
	entries, err := d.session.readHistory(d.ctx)
	if err != nil {
		return 0, false, err
	}
	return int(d.files.compare(entries).version), false, nil
}

// SetVersion with dirty announces a file and without it ends it. Neither writes:
// Run has written the version together with the file.
func (d *driver) SetVersion(version int, dirty bool) error {
	if !dirty {
		d.current = nil
		return nil
	}
	d.current = d.files.byVersion[int64(version)]
	return nil
}

// Run applies the announced file. The body is the one that [New] read; what the
// engine has read just now is compared with it.
func (d *driver) Run(r io.Reader) error {
	body, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if d.current == nil {
		return errors.New("bug: the engine runs a file that it did not announce")
	}
	if checksum(body) != d.current.sum {
		return fmt.Errorf("shard %s: %s was changed while migrations were running; run them again",
			d.session.target.Shard, d.current.name)
	}
	return d.session.apply(d.ctx, d.current)
}

// Open, Close and Drop are not for the engine to do.
func (d *driver) Open(string) (database.Driver, error) {
	return nil, errors.New("a session is made by Runner.Up, not from a URL")
}

// Close does nothing; the session belongs to Up.
func (d *driver) Close() error { return nil }

// Drop refuses.
func (d *driver) Drop() error { return errors.New("dropping a shard's tables is not offered") }
