// Package differential runs the same random statements through the router over several servers and on one PostgreSQL
// that holds all rows, and compares what comes back: rows, order where the statement orders, row counts and
// SQLSTATEs. What the router refuses is counted by reason; what it answers must be the one server's answer.
package differential
