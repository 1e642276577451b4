package assess_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/faultproxy"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
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

func TestAServerThatFallsSilentEndsTheAssessment(t *testing.T) {
	t.Parallel()
	t.Cleanup(assess.SetAnswerTimeout(300 * time.Millisecond))
	s := empty(t, pgtest.Shared(t))
	for question, what := range map[string]string{
		"begin": "its name and version", "-- The tables": "the tables", "-- Everything": "the views, functions and triggers",
		"select n.nspname": "pg_stat_statements",
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel() // each takes five seconds, which are for the cancel request
			proxy, err := faultproxy.New(t.Context(), s.cluster.Addr())
			require.NoError(t, err)
			defer func() { require.NoError(t, proxy.Close()) }()
			rule := proxy.On(faultproxy.Match{Frontend: question, Times: 1}, faultproxy.Do(proxy.Pause))
			cfg, err := pgx.ParseConfig(proxy.DSN(s.cluster.DSN(s.reader, s.db)))
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			_, err = assess.Run(ctx, assess.Options{From: cfg})
			require.NoError(t, ctx.Err(), "it has ended by itself")
			require.Equal(t, 1, rule.Hits())
			require.ErrorContains(t, err, "assess: the server has not answered for 300ms when asked for "+what)
		})
	}
}
