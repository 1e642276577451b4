package pool

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheTimeOfAWaitIsTheShorterOfItsContextsAndThePools(t *testing.T) {
	soon, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	in := &Instance{cfg: Config{AcquireTimeout: time.Second}}
	require.Equal(t, time.Second, in.timeLeft(context.Background()))
	require.Equal(t, time.Second, in.timeLeft(soon))
	in.cfg.AcquireTimeout = time.Hour
	require.LessOrEqual(t, in.timeLeft(soon), time.Minute)
	in.cfg.AcquireTimeout = -1
	require.Equal(t, time.Duration(math.MaxInt64), in.timeLeft(context.Background()))
}

func TestAPoolThatGrowsIsNotOverloaded(t *testing.T) {
	now := sinceEpoch()
	in := &Instance{cfg: Config{QueueTarget: time.Second, QueueInterval: time.Second}, limit: 2, pace: pace{began: now}}
	in.dialling = 1
	c := codel{slow: true, until: now + time.Second}
	c.turn(in, now)
	require.False(t, c.slow)

	in.dialling, in.inUse, in.charged[work] = 0, 2, 2
	c = codel{slow: true, until: now + time.Second}
	c.turn(in, now)
	require.True(t, c.slow, "it has what it may have")
}
