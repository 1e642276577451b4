// Package poolfaults holds tests that break servers and networks under a pool, and callers that misbehave. In every
// story the servers count the backends themselves, callers of a healthy server go on beside a broken one, nobody waits
// while a connection is idle, and no goroutine is left at the end.
package poolfaults
