package merge

// What the caller waits for, besides the index of a pump.
const (
	nothing  = -1
	anything = -2
)

// wakeFor wakes the caller if it waits for the pump with that index.
func (r *Rows) wakeFor(index int) {
	if w := int(r.waitsFor.Load()); w == index || w == anything {
		r.wakeCaller()
	}
}

func (r *Rows) wakeCaller() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// await is called when a pump, or with anything all of them, had nothing to take and have not ended. The first call says
// what is waited for and returns, since that may have come meanwhile; the next one waits. It returns false when the merge
// has stopped.
func (r *Rows) await(what int) bool {
	if int(r.waitsFor.Swap(int32(what))) == what {
		<-r.wake
		r.waitsFor.Store(nothing)
	}
	return !r.stopping()
}
