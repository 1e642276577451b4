package doctor

import (
	"fmt"
	"strings"
)

func (x *examination) rights() {
	for _, f := range x.answered() {
		x.appRights(f)
		if f.migratorErr == nil && f.migrator.name != "" && f.identityErr == nil {
			x.migratorRights(f)
		}
	}
}

func (x *examination) appRights(f *facts) {
	app := f.app
	if app.super {
		x.add(Warning, f.subject(), fmt.Sprintf("the app connects as %s, a superuser", app.name),
			"make an ordinary role for it: a superuser passes every check of the database")
		return // what follows would say the same again
	}
	if app.bypassRLS {
		x.add(Warning, f.subject(), fmt.Sprintf("role %s bypasses row-level security", app.name),
			fmt.Sprintf("alter role %s nobypassrls", app.name))
	}
	if app.createRole || app.createDB {
		x.add(Warning, f.subject(), fmt.Sprintf("role %s may create roles or databases", app.name),
			fmt.Sprintf("alter role %s nocreaterole nocreatedb", app.name))
	}
	if app.owned != "" || app.ownsSchema {
		what := "table " + app.owned
		if app.owned == "" {
			what = "the keyway schema"
		}
		x.add(Warning, f.subject(), fmt.Sprintf("the app's role %s owns %s", app.name, what),
			"let the migrator own it: an owner can drop triggers and is not held by row-level security")
	}
	if len(f.ungranted) > 0 {
		x.add(Warning, f.subject(), fmt.Sprintf("role %s lacks rights on %s", app.name, strings.Join(f.ungranted, ", ")),
			fmt.Sprintf("grant them in a migration (grant select, insert, update, delete on ... to %s), unless they are meant to be missing", app.name))
	}
}

func (x *examination) migratorRights(f *facts) {
	m := f.migrator
	if m.super {
		x.add(Note, f.subject(), fmt.Sprintf("the migrator connects as %s, a superuser", m.name),
			"the owner of the database and its tables is enough")
	} else if !m.ownsSchema {
		x.add(Problem, f.subject(), fmt.Sprintf("the migrator %s does not own the keyway schema", m.name),
			"run keyway init and migrations as the same role, or give the schema to it")
	}
	if !m.super && !m.replication {
		x.add(Note, f.subject(), fmt.Sprintf("the migrator %s has no REPLICATION attribute", m.name),
			"moving slots online will need it")
	}
}
