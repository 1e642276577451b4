package lease

import (
	"context"
	"math/rand/v2"
	"time"
)

// run renews the lease until Close, and lowers the limit when a promise runs out.
func (k *Keeper) run() {
	defer close(k.done)
	next := time.Now().Add(rand.N(firstKnock))
	timer := time.NewTimer(time.Until(next))
	defer timer.Stop()
	for {
		select {
		case <-k.ctx.Done():
			return
		case <-timer.C:
		}
		k.apply()
		if !time.Now().Before(next) || k.lapsed() || k.surges() {
			k.beat()
			next = time.Now().Add(k.pause())
		}
		timer.Reset(min(max(time.Until(next), time.Millisecond), k.untilChange(), k.untilGlance()))
	}
}

// lapsed reports whether the place ran out between two requests although the last one was answered, as when the wall
// clock was set forward or the machine was suspended: there is nothing to serve callers with until the next one.
func (k *Keeper) lapsed() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	floor, _ := k.member.Allowance(k.now())
	return k.failed == 0 && floor == 0 && k.member.floor.n > 0
}

// pause is how long to wait before the next request: a heartbeat, less while the server waits to hear that this process
// has let go of something or this process has begun to want more than it has, and more for each failure and while there
// is no place for it. Give or take a tenth, so that processes spread.
func (k *Keeper) pause() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	heartbeat := k.heartbeatLocked()
	pause := heartbeat
	floor, granted := k.member.Allowance(k.now())
	switch {
	case floor == 0 && k.failed > 0:
		pause = min(firstKnock<<min(k.failed-1, 10), longestBackOff, 3*heartbeat) // within its row's life
		return pause/2 + rand.N(pause)
	case floor > 0 && k.failed == 1: // not again and again: where many are too many for the server, more do not help
		pause = heartbeat / 2
	case floor > 0 && k.state.Held > granted:
		pause = heartbeat / 4
	case floor > 0 && k.rose && k.state.Want > floor+granted: // others will have heard of it by then
		pause = heartbeat / 2
	}
	return time.Duration(float64(pause) * (0.9 + 0.2*rand.Float64()))
}

// heartbeatLocked is the mean time between requests. mu must be held.
func (k *Keeper) heartbeatLocked() time.Duration {
	if k.state.Renewed.IsZero() {
		return DefaultTTL / 6
	}
	return k.state.Budget.Heartbeat()
}

// window is how far back demand counts: as long as a grant lasts, so that all times of a budget are in proportion.
func (k *Keeper) window() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.state.Budget.TTL
}

// untilChange is how long nothing changes without a reply.
func (k *Keeper) untilChange() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	left := longestBackOff
	now := k.now()
	for _, p := range []promise{k.member.grant, k.member.floor} {
		if l := p.left(now); l > 0 {
			left = min(left, l)
		}
	}
	return left + time.Millisecond
}

// beat makes one request. It ends before a promise does, so that the limit is lowered in time.
func (k *Keeper) beat() {
	most := k.cfg.Most
	if most <= 0 {
		most = unlimited
	}
	want := min(k.wanted(), most)
	k.sick = !k.cfg.Pool.Healthy()
	if k.sick {
		want, most = 0, 1
	}
	k.mu.Lock()
	floor, granted := k.member.Allowance(k.now())
	want = k.calm.Next(want, floor+granted)
	patience := max(k.heartbeatLocked(), leastPatience)
	q := k.member.Ask(k.now(), Load{Open: k.cfg.Pool.Open(), Want: want, Most: most, Weight: k.cfg.Weight})
	k.rose = want > k.state.Want
	k.state.Want = want
	k.mu.Unlock()

	ctx, cancel := context.WithTimeout(k.ctx, min(patience, k.untilChange()))
	defer cancel()
	reply, err := k.ask(ctx, q, patience/3)
	k.take(reply, err)
	k.apply()
}
