package pool

import "fmt"

// MinShare is the least one process can work with on one instance. With a single connection, control (LISTEN, probes)
// and work share it; see [Instance.SetLimit].
const MinShare = 1

// Share divides a budget: connections in all, over processes (those that a deploy starts on top included) and
// instances. It returns the [Config.Limit] of each process on each instance, rounded down, so that the sum never
// exceeds the budget. A share below [MinShare] is refused with [*ShareError]: rounded up to one, as is usual,
// every process more would break the budget in silence.
func Share(connections, processes, instances int) (int, error) {
	if processes < 1 || instances < 1 {
		return 0, fmt.Errorf("pool: a budget is divided over at least 1 process and 1 instance, not %d and %d",
			processes, instances)
	}
	share := connections / instances / processes
	if share < MinShare {
		return 0, &ShareError{Connections: connections, Processes: processes, Instances: instances, Share: share}
	}
	return share, nil
}

// ShareError says that a budget is too small for what has to share it.
type ShareError struct {
	Connections, Processes, Instances int
	Share                             int
}

func (e *ShareError) Error() string {
	return fmt.Sprintf("pool: a budget of %d connections for %d processes on %d instances is %d for each process on each "+
		"instance, but each needs at least %d: raise the budget to %d, or lower the number of processes to %d",
		e.Connections, e.Processes, e.Instances, e.Share, MinShare,
		MinShare*e.Processes*e.Instances, max(e.Connections, 0)/e.Instances/MinShare)
}
