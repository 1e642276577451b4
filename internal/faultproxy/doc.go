// Package faultproxy stands between clients and one PostgreSQL server and
// breaks connections at exact places of the protocol: it loses the reply to a
// COMMIT, holds a statement until it is told to go on, swallows everything like
// a network that drops packets, or refuses connections.
//
// Rules name the message at which something happens:
//
//	p, err := faultproxy.New(ctx, cluster.Addr())
//	lost := p.On(faultproxy.Match{Frontend: "commit"}, faultproxy.LoseReply)
//	... a transaction through p.Addr(): committed, but the client cannot know
//	<-lost.Hit()
//
// The server is real and so are the clients; only the network between them is not.
package faultproxy
