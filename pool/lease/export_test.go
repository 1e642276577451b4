package lease

import "time"

// WithWall sets the wall clock of a process forward, or back.
func WithWall(by func() time.Duration) func(*Config) { return func(c *Config) { c.wall = by } }
