// Package router is the front door of Keyway: it sends each statement of a service to the one PostgreSQL server that
// has the rows, over connections that never exceed one budget.
package router
