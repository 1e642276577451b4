// Package budget divides connections: of a server over processes, of an environment over servers. It is pure: no
// clock, no connection, no randomness. Package lease runs what is decided here on real servers.
//
//   - [Allocate] gives each claim its weighted max-min share.
//   - [Demand] says how many connections a process wants, and [Hysteresis] keeps it from giving them up too soon.
//   - [Server.Usable] says how many connections a server has, [Split] how an environment's are spread over servers, and
//     [DefaultFloor] and [DefaultReserve] how much of a budget is kept for each process and for new ones.
package budget
