package localpg

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports are taken from below the ranges that Linux (32768-60999) and macOS
// (49152-65535) give to outgoing connections: a port from there could be
// taken by a passing client while the server is down, and Start after Kill
// would fail.
const (
	firstPort = 20000
	lastPort  = 32000
)

// freePort returns a port that nothing listens on at this moment. Another
// process may take it before the server does; Start then tries another.
func freePort() (int, error) {
	for range 200 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			return 0, err
		}
		return port, nil
	}
	return 0, errors.New("no free TCP port between 20000 and 32000 on 127.0.0.1")
}
