package router_test

import (
	"bytes"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
	"github.com/keyway-go/keyway/router"
)

// older14 is a proxy before a server that makes it say that it is PostgreSQL 14, which cannot be installed everywhere.
func older14(t *testing.T, server string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go disguise(client, server)
		}
	}()
	return l.Addr().String()
}

func disguise(client net.Conn, server string) {
	defer func() { _ = client.Close() }()
	up, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	defer func() { _ = up.Close() }()
	go func() {
		_, _ = io.Copy(up, client)
		_ = up.Close()
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := up.Read(buf)
		if at := bytes.Index(buf[:n], []byte("server_version\x00")); at >= 0 {
			copy(buf[at+len("server_version\x00"):n], "14")
		}
		if _, werr := client.Write(buf[:n]); err != nil || werr != nil {
			return
		}
	}
}

func TestPostgreSQL14IsRefusedWithASentence(t *testing.T) {
	f := initialised(t, 1)
	in := f.cfg.Instances["i0"]
	in.Primary = older14(t, pgtest.Shared(t).Addr())
	f.cfg.Instances["i0"] = in
	for _, run := range []func() error{
		func() error { _, err := router.Open(f.ctx(), f.cfg); return err },
		func() error { _, err := router.Open(f.ctx(), f.cfg, router.AllowDown()); return err },
		func() error { _, err := router.Init(f.ctx(), f.cfg, router.InitOptions{}); return err },
	} {
		sentence(t, run(), "shard s0", "PostgreSQL 14", "needs PostgreSQL 15 or later")
	}
}
