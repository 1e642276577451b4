package sqlparse_test

import (
	"testing"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

func FuzzLex(f *testing.F) {
	for _, sql := range corpus(f) {
		f.Add(sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		if _, err := sqlparse.Lex(sql); err != nil {
			requireTyped(t, err)
			return
		}
		requireTokensCover(t, sql)
	})
}

func FuzzParse(f *testing.F) {
	for _, sql := range corpus(f) {
		f.Add(sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		s, err := sqlparse.Parse(sql)
		if err != nil {
			requireTyped(t, err)
			return
		}
		if len(sql) < 2000 {
			requireSpans(t, sql, s)
		}
	})
}
