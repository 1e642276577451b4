package router

import (
	"sync"
	"time"

	"github.com/keyway-go/keyway/pool"
	"github.com/keyway-go/keyway/shard"
)

// renewals have connections opened anew after settings were changed on a server. A session keeps the settings it began
// with, so statements over several shards would be refused until all old connections have come to the end of their lives,
// and a shard whose connections are all old is not even seen to be what the others are.
type renewals struct {
	mu   sync.Mutex
	last map[shard.ID]time.Time
}

// renewEvery is the least time between two renewals of one shard's connections. Servers that are set up differently stay
// refused, and each statement that finds it so must not close what all others use.
const renewEvery = 5 * time.Minute

// after is called with what a statement was refused for. The connections of both shards are closed as they come back and
// others opened in their places, as [pool.Instance.Recycle] does it.
func (rs *renewals) after(db *DB, e *DisagreementError) {
	if !e.setting {
		return
	}
	for _, id := range []shard.ID{e.ShardA, e.ShardB} {
		if n := db.nodes[id]; n != nil && n.db.Pooling() == pool.NoPooling && rs.due(id) {
			db.opts.log.Warn("keyway: the connections of the instance are opened anew, because settings that results depend on differ",
				"shard", string(id), "instance", n.instance, "difference", e.What)
			db.instances[n.instance].Recycle()
		}
	}
}

func (rs *renewals) due(id shard.ID) bool {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	now := time.Now()
	if last, ok := rs.last[id]; ok && now.Sub(last) < renewEvery {
		return false
	}
	if rs.last == nil {
		rs.last = map[shard.ID]time.Time{}
	}
	rs.last[id] = now
	return true
}
