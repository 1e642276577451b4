package lease

import "time"

// A Row is one process's lease as the server has it.
type Row struct {
	Holder Holder
	Seq    int64     // of the request that it was last written for
	Joined time.Time // when the process got its place

	Floor   int // charged as long as the process has its place; 0: it has none and waits
	Held    int // charged on top until Reclaim
	Granted int // of Held, what the process may use

	Open   int // connections it said it had
	Want   int // connections it said it wanted, Floor included
	Most   int // more would be of no use to it, it said
	Weight int // of its demand beside others'

	Expires time.Time // the process stops using the grant before
	Reclaim time.Time // the grant is no longer charged from then on
	Remove  time.Time // nor is the floor
	Shown   int       // backends of the process that the server shows
}

// charge is what must be taken for in use at the given time. What the server shows is in use, whatever a lease says:
// a statement may run for long after its process or its lease has ended.
func (r *Row) charge(now time.Time) int {
	charge := r.Floor
	if now.Before(r.Reclaim) {
		charge += r.Held
	}
	return max(charge, r.Shown)
}

// gone reports whether the process can have no connection any more and open none by its lease.
func (r *Row) gone(now time.Time) bool { return !now.Before(r.Remove) && r.Shown == 0 }

// live reports whether the process renews its lease.
func (r *Row) live(now time.Time) bool { return now.Before(r.Expires) }
