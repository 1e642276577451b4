package assess_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/router/assess"
)

func TestAHostThatAcceptsAndSaysNothingEndsTheAssessment(t *testing.T) {
	t.Parallel()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0") // the kernel accepts, nobody answers
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	cfg, err := pgx.ParseConfig("postgres://reader@" + l.Addr().String() + "/shop?sslmode=disable")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() {
		_, err := assess.Run(t.Context(), assess.Options{From: cfg})
		done <- err
	}()
	select {
	case err := <-done:
		require.Error(t, err)
		require.True(t, strings.HasPrefix(err.Error(), "assess: connect to 127.0.0.1:"), err)
	case <-time.After(30 * time.Second):
		t.Fatal("still waiting for a host that says nothing")
	}
}
