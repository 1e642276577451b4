package localpg

// Alive reports whether a process lives; a zombie does not.
var Alive = alive

// WithPorts makes Start try these ports first, to show what it does about one
// that another process took in the meantime.
func WithPorts(o Options, ports ...int) Options {
	o.pickPort = func() (int, error) {
		if len(ports) == 0 {
			return freePort()
		}
		port := ports[0]
		ports = ports[1:]
		return port, nil
	}
	return o
}
