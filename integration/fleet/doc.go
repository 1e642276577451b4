// Package fleet holds tests that run a service as many real processes on real servers under one connection budget. The
// processes crash, stop, multiply and move their load, and the budget is taken away and changed under them. In every
// story the servers count the backends themselves, no statement fails with the server's own "too many connections",
// and what was acknowledged is on the servers at the end.
package fleet
