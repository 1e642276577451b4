package localpg_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg"
	"github.com/keyway-go/keyway/internal/localpg/pgtest"
)

const systemIdentifier = "select system_identifier::text from pg_control_system()"

func TestACopyOfATemplateIsAServerOfItsOwn(t *testing.T) {
	o := localpg.Options{Templates: t.TempDir()}
	made := pgtest.Private(t, o)
	files, err := filepath.Glob(filepath.Join(o.Templates, "*"))
	require.NoError(t, err)
	require.Len(t, files, 1, "what initdb made is kept")

	ids := map[string]bool{ask(t, made, systemIdentifier): true}
	for range 2 {
		c := pgtest.Private(t, o)
		ids[ask(t, c, systemIdentifier)] = true
		tell(t, c, "create table t as select generate_series(1, 1000) n")
		require.NoError(t, c.Kill())
		require.NoError(t, c.Start(t.Context()), "it recovers from its log, in which its identifier stands too")
		require.Equal(t, "1000", ask(t, c, "select count(*)::text from t"))
	}
	require.Len(t, ids, 3)
}

func TestATemplateThatIsDamagedIsReplaced(t *testing.T) {
	o := localpg.Options{Templates: t.TempDir()}
	pgtest.Private(t, o)
	files, err := filepath.Glob(filepath.Join(o.Templates, "*"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	before, err := os.Stat(files[0])
	require.NoError(t, err)
	require.NoError(t, os.Truncate(files[0], before.Size()/2))

	require.Equal(t, "1", ask(t, pgtest.Private(t, o), "select '1'"))
	after, err := os.Stat(files[0])
	require.NoError(t, err)
	require.Equal(t, before.Size(), after.Size())
}
