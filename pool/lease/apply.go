package lease

// apply gives the pool the limit of the moment.
func (k *Keeper) apply() {
	k.mu.Lock()
	now := k.now()
	s := k.stateLocked(now)
	switch {
	case s.Limit == 0 && (k.applied != 0 || k.told != s.Reason):
		k.cfg.Pool.Suspend(s.Reason)
		k.applied, k.told = 0, s.Reason
	case s.Limit != k.applied:
		if err := k.cfg.Pool.SetLimit(s.Limit); err != nil {
			k.cfg.Log.Error("keyway: a limit was refused by the pool", "instance", k.cfg.Instance, "limit", s.Limit, "error", err.Error())
		}
		k.applied = s.Limit
	}
	before := k.last
	changed := before.Mode != s.Mode || before.Limit != s.Limit || before.Reason != s.Reason
	if changed {
		k.last = s
		close(k.changed)
		k.changed = make(chan struct{})
	}
	k.mu.Unlock()
	if !changed {
		return
	}
	if before.Mode != s.Mode {
		k.log(before, s)
	}
	if k.cfg.OnChange != nil {
		k.cfg.OnChange(s)
	}
}

func (k *Keeper) log(before, s State) {
	attrs := []any{"instance", s.Instance, "was", before.Mode.String(), "limit", s.Limit, "reason", s.Reason}
	switch s.Mode {
	case Leased:
		k.cfg.Log.Info("keyway: this process has its share of the connection budget", attrs...)
	case Safe:
		k.cfg.Log.Warn("keyway: the lease on the connection budget was not renewed; working with the floor", attrs...)
	default:
		k.cfg.Log.Warn("keyway: this process has no share of the connection budget; not ready", attrs...)
	}
}
