package router

import "time"

// noticed is how long an answer takes that is worth sending for first. It costs some ten microseconds to send to a shard,
// and as much again where its server shares the processors.
const noticed = time.Millisecond

// answered is called when a shard has sent its first row. The last one to do so is the one that all the rest waited for.
func (g *gather) answered(in *input) {
	if len(g.inputs) == 1 || time.Since(g.began) < noticed {
		return
	}
	if known := g.slowest.Load(); known == nil || *known != in.id {
		g.slowest.Store(&in.id)
	}
}

// sentFirst is the index of the shard that the statement has waited for, 0 when none is known.
func (g *gather) sentFirst() int {
	if known := g.slowest.Load(); known != nil {
		for i := range g.inputs {
			if g.inputs[i].id == *known {
				return i
			}
		}
	}
	return 0
}
