// Package lease lets many processes share one server's connections with a hard bound.
//
// The budget is a row in one database of the server, the server's home. Each process holds a lease beside it: a floor,
// which it may always use while it is a member, and a grant on top, which follows its demand. A [Keeper] renews the
// lease every few seconds in one short transaction and sets the limit of the process's pool by it.
//
// What is promised: at every instant the connections of all processes together, those being dialled or closed
// included, are at most the budget's connections without its reserve. The reserve is for processes that ask for a lease
// and have none yet; each asks over one connection, for some milliseconds.
//
// It holds when processes die or are stopped at any moment, when requests are lost, come late, twice or out of order,
// when clocks differ in rate by up to one part in fifty, and when the server fails over and forgets the last moments. It is not promised
// for a machine that is suspended and whose clock is set back at the same time, nor when the server's own clock is set
// forward by more than the grace, nor for connections whose application_name is changed after they were opened. Why:
//
//   - What a process may still be using is charged: the grant, what it says it may use, and what it has open, whichever
//     is most. So growth waits for shrinking, without a message between processes.
//   - A process counts the life of a lease from before it asked; the server from when it wrote, and then waits for
//     the grace, which outlasts a dial.
//   - What the server shows is charged, lease or no lease: connections end their application_name with their process's
//     name ([Holder.ApplicationName]). A process's place is given away only after its time and grace are over and the
//     server shows none of its backends.
//   - After a failover nobody gets more than it says it has until everything granted before must have run out.
//
// [Decide] and [Member] are the two sides of the protocol as pure state machines; what is simulated with failures of all
// these kinds is what runs.
package lease
