package config

import (
	"fmt"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/keyway-go/keyway/pool"
	"github.com/keyway-go/keyway/router"
)

// connections are the settings of the pools: router.PoolConfig without what only Go can say.
type connections struct {
	AcquireTimeout      period `yaml:"acquire_timeout"`
	MaxWaiting          number `yaml:"max_waiting"`
	Reserve             number `yaml:"reserve"`
	MaxPerKey           number `yaml:"max_per_key"`
	QueueTarget         period `yaml:"queue_target"`
	QueueInterval       limit  `yaml:"queue_interval"`
	MinOpen             number `yaml:"min_open"`
	MinIdle             number `yaml:"min_idle"`
	MaxIdle             number `yaml:"max_idle"`
	IdleOrder           order  `yaml:"idle_order"`
	NoIdle              truth  `yaml:"no_idle"`
	MaxDials            number `yaml:"max_dials"`
	MaxLifetime         period `yaml:"max_lifetime"`
	IdleTimeout         period `yaml:"idle_timeout"`
	KeepAlive           period `yaml:"keep_alive"`
	HealthInterval      period `yaml:"health_interval"`
	PingAfter           period `yaml:"ping_after"`
	PingTimeout         limit  `yaml:"ping_timeout"`
	DrainTimeout        limit  `yaml:"drain_timeout"`
	LingerTimeout       limit  `yaml:"linger_timeout"`
	ClientCheckInterval period `yaml:"client_check_interval"`
	LeakAfter           period `yaml:"leak_after"`
}

func (c connections) config() router.PoolConfig {
	return router.PoolConfig{
		AcquireTimeout: time.Duration(c.AcquireTimeout), MaxWaiting: int(c.MaxWaiting),
		Reserve: int(c.Reserve), MaxPerKey: int(c.MaxPerKey),
		QueueTarget: time.Duration(c.QueueTarget), QueueInterval: time.Duration(c.QueueInterval),
		MinOpen: int(c.MinOpen), MinIdle: int(c.MinIdle), MaxIdle: int(c.MaxIdle),
		IdleOrder: pool.IdleOrder(c.IdleOrder), NoIdle: bool(c.NoIdle), MaxDials: int(c.MaxDials),
		MaxLifetime: time.Duration(c.MaxLifetime), IdleTimeout: time.Duration(c.IdleTimeout),
		KeepAlive: time.Duration(c.KeepAlive), HealthInterval: time.Duration(c.HealthInterval),
		PingAfter: time.Duration(c.PingAfter), PingTimeout: time.Duration(c.PingTimeout),
		DrainTimeout: time.Duration(c.DrainTimeout), LingerTimeout: time.Duration(c.LingerTimeout),
		ClientCheckInterval: time.Duration(c.ClientCheckInterval), LeakAfter: time.Duration(c.LeakAfter),
	}
}

const never = "never"

// period is a duration above zero, or never, which is negative as in router.PoolConfig. Zero is refused: elsewhere it
// means never, and in a router.PoolConfig the default.
type period time.Duration

// UnmarshalYAML implements yaml.Unmarshaler.
func (p *period) UnmarshalYAML(node *yaml.Node) error {
	if node.Value == never {
		*p = -1
		return nil
	}
	v, err := time.ParseDuration(node.Value)
	if err != nil || v <= 0 {
		return fmt.Errorf("line %d: must be a duration above 0 such as 500ms or 5s, or never", node.Line)
	}
	*p = period(v)
	return nil
}

// limit is a period that ends.
type limit time.Duration

// UnmarshalYAML implements yaml.Unmarshaler.
func (l *limit) UnmarshalYAML(node *yaml.Node) error {
	v, err := time.ParseDuration(node.Value)
	if err != nil || v <= 0 {
		return fmt.Errorf("line %d: must be a duration above 0 such as 500ms or 5s", node.Line)
	}
	*l = limit(v)
	return nil
}

type order pool.IdleOrder

// UnmarshalYAML implements yaml.Unmarshaler.
func (o *order) UnmarshalYAML(node *yaml.Node) error {
	switch node.Value {
	case "lifo":
		*o = order(pool.LIFO)
	case "fifo":
		*o = order(pool.FIFO)
	default:
		return fmt.Errorf("line %d: must be lifo or fifo", node.Line)
	}
	return nil
}
