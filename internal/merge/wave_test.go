package merge_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/merge"
)

// TestRowsThatWaitForTheCallerKeepNobodyFromTheFirstInput: inputs are opened in turns, the first one's answer has to wait
// for somebody who wants the second one's connection, and the second has more rows than may wait for the caller.
func TestRowsThatWaitForTheCallerKeepNobodyFromTheFirstInput(t *testing.T) {
	const rows = 1000
	read := map[string]func([]merge.Input, merge.Options) (int64, error){
		"as they come": func(in []merge.Input, o merge.Options) (n int64, err error) {
			rows := merge.Concat(within(t), in, o)
			for rows.Next() {
				n++
			}
			return n, rows.Err()
		},
		"collected": func(in []merge.Input, o merge.Options) (int64, error) {
			c, err := merge.Collect(within(t), in, o)
			if err != nil {
				return 0, err
			}
			return c.Rows(), nil
		},
	}
	for name, read := range read {
		t.Run(name, func(t *testing.T) {
			s := newSet(t, 3)
			s.exec("select pg_advisory_lock(7)")
			inputs := s.ask(func(i int) string {
				first := "''"
				if i == 0 {
					first = "pg_advisory_lock(7)::text"
				}
				return fmt.Sprintf("select %s || repeat('x', 1000) from generate_series(1, %d)", first, rows)
			}, asText)
			type result struct {
				n   int64
				err error
			}
			done := make(chan result)
			go func() {
				n, err := read(inputs, merge.Options{Wave: 2})
				done <- result{n, err}
			}()
			require.Eventually(t, func() bool {
				var waiting bool
				require.NoError(t, s.admin.QueryRow(within(t), "select exists (select from pg_locks where locktype = 'advisory' and not granted)").Scan(&waiting))
				return waiting
			}, soon, soon/1000)
			second := s.sessions[1]
			require.Eventually(t, func() bool { return second.opened.Load() == second.released.Load() }, soon, soon/1000,
				"the second input's connection is kept from who has the first one's")
			s.exec("select pg_advisory_unlock(7)")
			got := <-done
			require.NoError(t, got.err)
			require.EqualValues(t, 3*rows, got.n)
			s.clean()
		})
	}
}
