package budget

import (
	"fmt"
	"strings"
)

// ServerSQL reads a [Server] as the role that the services connect as, named in $1, in the database that it runs in.
// Reserved is empty before PostgreSQL 16. Others counts connections that are not a process's under a lease.
const ServerSQL = `select current_setting('max_connections')::int, current_setting('superuser_reserved_connections')::int,
  coalesce(current_setting('reserved_connections', true), '0')::int,
  coalesce((select rolconnlimit from pg_catalog.pg_roles where rolname = $1), -1),
  (select datconnlimit from pg_catalog.pg_database where datname = current_database()),
  (select count(*)::int from pg_catalog.pg_stat_activity where backend_type = 'client backend'
     and pid <> pg_backend_pid() and usename is distinct from $1)`

// A Server is what a server says about its connections, in the order of the columns of [ServerSQL].
type Server struct {
	MaxConnections    int
	SuperuserReserved int
	Reserved          int // reserved_connections, from PostgreSQL 16 on
	RoleLimit         int // of the services' role; negative means none
	DatabaseLimit     int // of the database; negative means none
	Others            int // connections of other roles, now
}

// Usable is how many connections the services' role can have when nobody else has any:
// max_connections - superuser_reserved_connections - reserved_connections, or the role's or the database's own limit
// where that is less.
func (s Server) Usable() int {
	usable := s.MaxConnections - s.SuperuserReserved - s.Reserved
	for _, limit := range []int{s.RoleLimit, s.DatabaseLimit} {
		if limit >= 0 {
			usable = min(usable, limit)
		}
	}
	return max(usable, 0)
}

// Left is Usable without what other roles hold now.
func (s Server) Left() int {
	return max(min(s.Usable(), s.MaxConnections-s.SuperuserReserved-s.Reserved-s.Others), 0)
}

func (s Server) String() string {
	parts := []string{fmt.Sprintf("max_connections %d", s.MaxConnections)}
	for _, p := range []struct {
		n    int
		form string
	}{
		{s.SuperuserReserved, "%d kept for superusers"}, {s.Reserved, "%d in reserved_connections"},
	} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf(p.form, p.n))
		}
	}
	if s.RoleLimit >= 0 {
		parts = append(parts, fmt.Sprintf("the role's connection limit is %d", s.RoleLimit))
	}
	if s.DatabaseLimit >= 0 {
		parts = append(parts, fmt.Sprintf("the database's connection limit is %d", s.DatabaseLimit))
	}
	return strings.Join(parts, ", ")
}

// DefaultReserve is the part of a budget for processes that have no lease yet and ask for one: a twentieth, at least 1.
func DefaultReserve(connections int) int { return max(1, (connections+19)/20) }

// DefaultFloor is what each process may always hold when nobody says otherwise: about half of the budget is promised
// so, (connections - reserve) / 2 / processes, at least 1; the other half goes where it is needed.
func DefaultFloor(connections, reserve, processes int) int {
	return max(1, (connections-reserve)/2/max(processes, 1))
}
