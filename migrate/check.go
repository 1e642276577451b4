package migrate

import (
	"slices"
	"strings"
)

const noTransaction = "no-transaction"

// check reads the file's statements and refuses what would break the promise
// that a file is applied as a whole or not at all.
func (f *file) check() error {
	script := scan(f.body)
	f.statements = script.statements
	for _, m := range script.marks {
		if m.text != noTransaction {
			return f.invalid(m.offset, "unknown mark keyway:"+m.text+"; there is only -- keyway:"+noTransaction)
		}
		f.noTx = true
	}
	for _, s := range f.statements {
		if reason := unfit(s); reason != "" {
			return f.invalid(s.offset, reason)
		}
		if !f.noTx && needsNoTransaction(s) {
			return f.invalid(s.offset, "PostgreSQL runs this statement outside of transactions only; put it alone in a file "+
				"with the line -- keyway:"+noTransaction)
		}
	}
	if f.noTx {
		return f.checkNoTransaction()
	}
	return nil
}

// unfit says why no file may hold the statement.
func unfit(s statement) string {
	switch {
	case s.starts("rollback", "to"), s.starts("rollback", "work", "to"), s.starts("rollback", "transaction", "to"):
		return ""
	case s.starts("begin"), s.starts("start", "transaction"), s.starts("commit"), s.starts("end"), s.starts("abort"),
		s.starts("rollback"), s.starts("prepare", "transaction"):
		return strings.ToUpper(s.words[0]) + " is not allowed: every file already runs in one transaction, " +
			"together with its row in the history; take it out"
	case s.starts("copy") && s.has("from", "stdin"):
		return "COPY FROM STDIN needs psql; write the rows as INSERT ... VALUES"
	case slices.Contains(s.words, "\\"):
		return "backslash commands are psql's and not SQL; take them out"
	}
	return ""
}

func needsNoTransaction(s statement) bool {
	switch {
	case s.starts("create", "index", "concurrently"), s.starts("create", "unique", "index", "concurrently"),
		s.starts("drop", "index", "concurrently"):
		return true
	case s.starts("reindex"), s.starts("alter", "table") && s.has("detach", "partition"):
		return slices.Contains(s.words, "concurrently")
	case s.starts("vacuum"), s.starts("create", "database"), s.starts("drop", "database"), s.starts("alter", "system"):
		return true
	}
	return false
}

// checkNoTransaction holds such a file to one statement that can be repeated:
// between it and its row in the history the server may die.
func (f *file) checkNoTransaction() error {
	if len(f.statements) != 1 {
		return f.invalid(0, "a no-transaction file holds exactly one statement, since nothing would undo the first "+
			"when the second fails; give each its own file")
	}
	s := f.statements[0]
	switch {
	case s.starts("drop", "index") && !s.has("if", "exists"):
		return f.invalid(s.offset, "write DROP INDEX CONCURRENTLY IF EXISTS, so that an interrupted run can be repeated")
	case !s.starts("create", "index") && !s.starts("create", "unique", "index"):
		return nil
	}
	index, ok := parseIndex(s)
	if !ok {
		return f.invalid(s.offset, "write CREATE [UNIQUE] INDEX CONCURRENTLY name ON table: the name is needed to find "+
			"what an interrupted run left behind")
	}
	f.index = index
	return nil
}

func (f *file) invalid(offset int, reason string) error {
	return &InvalidFileError{File: f.name, Line: f.line(offset), Reason: reason}
}
