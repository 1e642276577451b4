package catalog

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// schemaFiles are named NNNN_MM_idea.sql: NNNN is the version of the schema that the file belongs to, MM orders the
// files of one version. A released version's files are never changed; a change is a new version.
//
//go:embed sql/0*.sql
var schemaFiles embed.FS

// Stub is SQL for a plain development database that is not part of a cluster: functions that take what the schema's
// functions take and do nothing, so that a user's migrations run there too. [Install] replaces them. It refuses to
// run where the real schema is.
//
//go:embed sql/stub.sql
var Stub string

// Schema returns the SQL of the whole schema, as [Install] runs it in an empty database.
func Schema() string {
	var all strings.Builder
	versions, err := versionsOf(schemaFiles)
	if err != nil {
		panic("bug: " + err.Error())
	}
	for _, v := range versions {
		all.WriteString(v.sql)
	}
	return all.String()
}

// version is one step of the schema's own upgrades.
type version struct {
	number int
	sql    string
}

// versionsOf reads the files of a schema, grouped by version: 1, 2, 3 and so on without a gap.
func versionsOf(files fs.FS) ([]version, error) {
	names, err := fs.Glob(files, "sql/*.sql")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var all []version
	for _, name := range names {
		number, err := strconv.Atoi(name[len("sql/") : len("sql/")+4])
		if err != nil {
			return nil, fmt.Errorf("%s does not start with a version of four digits", name)
		}
		body, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		if len(all) == 0 || all[len(all)-1].number != number {
			if number != len(all)+1 {
				return nil, fmt.Errorf("%s: version %d is missing", name, len(all)+1)
			}
			all = append(all, version{number: number})
		}
		all[number-1].sql += string(body) + "\n"
	}
	return all, nil
}
