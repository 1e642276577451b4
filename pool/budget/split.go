package budget

import "fmt"

// A Share says what one server gets of an environment's connections.
type Share struct {
	Server   string
	Weight   int // relative to the others; below 1 means 1
	Capacity int // what the server has; see [Server.Usable]
}

// Split divides an environment's connections over its servers by weight, and returns each one's number in the order of
// the shares. No server gets more than its capacity, and together they get no more than connections: what one server
// cannot take goes to the others. A server that would get nothing is an error.
func Split(connections int, shares []Share) ([]int, error) {
	claims := make([]Claim, len(shares))
	for i, s := range shares {
		claims[i] = Claim{ID: s.Server, Weight: s.Weight, Most: s.Capacity, Demand: s.Capacity}
	}
	out := Allocate(connections, claims)
	for i, n := range out {
		switch {
		case shares[i].Capacity < 1:
			return nil, fmt.Errorf("budget: server %s has no connection to give", shares[i].Server)
		case n < 1:
			return nil, fmt.Errorf("budget: %d connections over %d servers by weight leave none for server %s; "+
				"raise the budget or the server's weight", connections, len(shares), shares[i].Server)
		}
	}
	return out, nil
}
