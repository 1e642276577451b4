package sqlparse_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// corpus returns the statements of testdata/corpus: valid PostgreSQL, one to a paragraph.
func corpus(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/corpus/*.sql")
	require.NoError(t, err)
	var all []string
	for _, f := range files {
		text, err := os.ReadFile(f)
		require.NoError(t, err)
		for s := range strings.SplitSeq(string(text), "\n\n") {
			if s = strings.TrimRight(s, "\n"); s != "" {
				all = append(all, s)
			}
		}
	}
	require.Greater(t, len(all), 300)
	return all
}
