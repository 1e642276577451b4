package router

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// setting is one that the meaning of a statement's text depends on, and its value in every session.
type setting struct{ name, value string }

// sessionSettings are what the planner reads statements by, so without any of them a statement could mean something
// else to the server.
func (c Config) sessionSettings() []setting {
	return []setting{
		// pg_temp stands last: where it is not named it is searched first, and a temporary table hides a real one.
		{"search_path", pgx.Identifier{c.schema()}.Sanitize() + ", pg_temp"},
		{"standard_conforming_strings", "on"},
		{"transform_null_equals", "off"},
		// The names of types in the registry are read as PostgreSQL prints them.
		{"quote_all_identifiers", "off"},
	}
}

// SettingsError says that connections come with settings by which a statement's text means something else than it is
// routed by. Start-up parameters give them the right ones, unless a pooler on the way drops those; then they must be
// settings of the role. Nothing is sent there.
type SettingsError struct {
	Role, Database string
	Wrong          []string // "search_path is a, not b"
	Remedy         string   // SQL; a role may run it for itself
}

func (e *SettingsError) Error() string {
	return fmt.Sprintf("%sconnections of role %s to database %s have other settings than statements are routed by (%s), and "+
		"the pooler on the way does not pass on those that were asked for; run %s and let the pooler connect anew "+
		"(PgBouncer: RECONNECT)", errPrefix, e.Role, e.Database, strings.Join(e.Wrong, "; "), e.Remedy)
}

// checkSettings asks a connection for the settings that routing depends on. A server always has those of the start-up
// packet; a pooler may have dropped them, or hand out a backend on which somebody has changed them.
func (c Config) checkSettings(ctx context.Context, conn *pgx.Conn) error {
	want := c.sessionSettings()
	have := make([]string, len(want))
	columns, into := make([]string, len(want)), make([]any, len(want))
	for i, s := range want {
		columns[i], into[i] = "pg_catalog.current_setting('"+s.name+"')", &have[i]
	}
	err := conn.QueryRow(ctx, "select "+strings.Join(columns, ", "), pgx.QueryExecModeExec).Scan(into...)
	if err != nil {
		return err
	}
	e := &SettingsError{Role: conn.Config().User, Database: conn.Config().Database}
	for i, s := range want {
		if !sameSetting(s.value, have[i]) {
			e.Wrong = append(e.Wrong, fmt.Sprintf("%s is %s, not %s", s.name, have[i], s.value))
			e.Remedy += settingStatement(e.Role, e.Database, s) + "; "
		}
	}
	if e.Wrong == nil {
		return nil
	}
	e.Remedy = strings.TrimSuffix(e.Remedy, "; ")
	return e
}

// settingStatement makes the setting the role's own in one database.
func settingStatement(role, database string, s setting) string {
	return fmt.Sprintf("alter role %s in database %s set %s = %s",
		pgx.Identifier{role}.Sanitize(), pgx.Identifier{database}.Sanitize(), s.name, s.value)
}

// sameSetting compares values, lists of names as lists of names.
func sameSetting(a, b string) bool { return slices.Equal(settingNames(a), settingNames(b)) }

// settingNames splits a list as the server does: at commas, with names folded unless they are quoted.
func settingNames(list string) []string {
	var names []string
	var name strings.Builder
	quoted := false
	for _, r := range list {
		switch {
		case r == '"':
			quoted = !quoted
			name.WriteRune(r)
		case r == ',' && !quoted:
			names = append(names, settingName(name.String()))
			name.Reset()
		default:
			name.WriteRune(r)
		}
	}
	return append(names, settingName(name.String()))
}

func settingName(text string) string {
	text = strings.TrimSpace(text)
	if len(text) > 1 && text[0] == '"' && text[len(text)-1] == '"' {
		return strings.ReplaceAll(text[1:len(text)-1], `""`, `"`)
	}
	return strings.ToLower(text)
}
