package localpg_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/localpg"
)

// pretend makes a bin directory whose server says that it has the version.
func pretend(t *testing.T, dir, version string) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o755))
	script := "#!/bin/sh\necho 'postgres (PostgreSQL) " + version + "'\n"
	for _, name := range []string{"postgres", "initdb", "pg_ctl"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755))
	}
	dir, err := filepath.EvalSymlinks(dir)
	require.NoError(t, err)
	return dir
}

// emptyMachine hides every PostgreSQL there is and returns a directory to put others in.
func emptyMachine(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv(localpg.EnvBin, "")
	t.Setenv(localpg.EnvSearch, filepath.Join(dir, "*", "bin"))
	return dir
}

func TestNoPostgresIsASentenceThatSaysWhatToDo(t *testing.T) {
	emptyMachine(t)
	_, err := localpg.Find()
	require.ErrorIs(t, err, localpg.ErrNotFound)
	require.ErrorContains(t, err, "make setup")
	_, err = localpg.Newest(15)
	require.ErrorIs(t, err, localpg.ErrNotFound)
	_, err = localpg.Start(t.Context(), localpg.Options{})
	require.ErrorIs(t, err, localpg.ErrNotFound)
}

func TestInstalledVersionsAreFoundNewestFirst(t *testing.T) {
	dir := emptyMachine(t)
	old := pretend(t, filepath.Join(dir, "a", "bin"), "9.6.24")
	beta := pretend(t, filepath.Join(dir, "b", "bin"), "19beta1 (Debian 19~beta1-1)")
	stable := pretend(t, filepath.Join(dir, "c", "bin"), "15.18 (Debian 15.18-0+deb12u1)")
	found, err := localpg.Find()
	require.NoError(t, err)
	require.Equal(t, []localpg.Install{
		{Bin: beta, Major: 19, Version: "19beta1"},
		{Bin: stable, Major: 15, Version: "15.18"},
		{Bin: old, Major: 9, Version: "9.6.24"},
	}, found)

	i, err := localpg.Major(15)
	require.NoError(t, err)
	require.Equal(t, stable, i.Bin)
	_, err = localpg.Newest(20)
	require.ErrorContains(t, err, "no PostgreSQL 20 or later found, only 19beta1, 15.18, 9.6.24")
}

func TestDownloadedServersComeAfterInstalledOnes(t *testing.T) {
	dir := emptyMachine(t)
	installed := pretend(t, filepath.Join(dir, "a", "bin"), "15.1")
	downloaded := pretend(t, filepath.Join(dir, ".cache", "postgres", "18", "bin"), "18.4")
	below := filepath.Join(dir, "some", "package")
	require.NoError(t, os.MkdirAll(below, 0o755))
	t.Chdir(below)
	i, err := localpg.Newest(15)
	require.NoError(t, err)
	require.Equal(t, installed, i.Bin)
	i, err = localpg.Newest(16)
	require.NoError(t, err)
	require.Equal(t, downloaded, i.Bin)
}

func TestNamedInstallationComesFirstAndMustExist(t *testing.T) {
	dir := emptyMachine(t)
	pretend(t, filepath.Join(dir, "a", "bin"), "18.1")
	named := pretend(t, filepath.Join(dir, "elsewhere"), "16.1")
	t.Setenv(localpg.EnvBin, named)
	i, err := localpg.Newest(15)
	require.NoError(t, err)
	require.Equal(t, named, i.Bin)

	t.Setenv(localpg.EnvBin, filepath.Join(dir, "nothing"))
	_, err = localpg.Find()
	require.ErrorContains(t, err, "KEYWAY_PG_BIN")
}

func TestLinksAreFollowedToTheirInstallationOnce(t *testing.T) {
	dir := emptyMachine(t)
	genuine := pretend(t, filepath.Join(dir, "real", "bin"), "17.2")
	links := filepath.Join(dir, "links", "bin")
	require.NoError(t, os.MkdirAll(links, 0o755))
	require.NoError(t, os.Symlink(filepath.Join(genuine, "postgres"), filepath.Join(links, "postgres")))
	found, err := localpg.Find()
	require.NoError(t, err)
	require.Equal(t, []localpg.Install{{Bin: genuine, Major: 17, Version: "17.2"}}, found)
}

func TestBrokenInstallationsArePassedOver(t *testing.T) {
	dir := emptyMachine(t)
	broken := pretend(t, filepath.Join(dir, "broken", "bin"), "17.2")
	require.NoError(t, os.WriteFile(filepath.Join(broken, "postgres"), []byte("#!/bin/sh\nexit 1\n"), 0o755))
	partial := pretend(t, filepath.Join(dir, "partial", "bin"), "17.2")
	require.NoError(t, os.Remove(filepath.Join(partial, "initdb")))
	_, err := localpg.Find()
	require.ErrorIs(t, err, localpg.ErrNotFound)
}
