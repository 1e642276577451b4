package pool

type pgxpools struct{}

func (in *Instance) closePgxPoolsLocked() {}
func (in *Instance) reclaimLentLocked()   {}
