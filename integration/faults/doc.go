// Package faults holds tests that break things while the library is used: servers that die, hang or are replaced,
// connections that are cut at the worst moment, slots that move, and callers that misbehave. Everything is real.
package faults
