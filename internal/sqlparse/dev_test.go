package sqlparse_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

func TestDevHunt(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("HUNT"))
	if n == 0 {
		t.Skip()
	}
	g := newGrammar(t)
	seed := uint64(time.Now().UnixNano())
	m := newMutator(t, seed)
	acc, bad, serverOK := 0, 0, 0
	why := map[string][]string{}
	for i := range n {
		sql := m.statement()
		_, version, err := sqlparse.ParseVersion(sql)
		if err != nil {
			if i%4 == 0 && g.refusal(t, sql) == nil {
				serverOK++
				k := err.Error()
				if j := len(k); j > 30 {
					for c := range 10 {
						_ = c
					}
				}
				why[stripDigits(k)] = append(why[stripDigits(k)], sql)
			}
			continue
		}
		acc++
		if version <= g.major {
			if r := g.refusal(t, sql); r != nil {
				bad++
				if bad < 30 {
					fmt.Printf("BAD %v\n   %s\n", r, sql)
				}
			}
		}
	}
	fmt.Printf("server %d: %d mutants, accepted %d, BAD %d, refused though valid (sampled 1/4) %d\n", g.major, n, acc, bad, serverOK)
	for k, v := range why {
		if os.Getenv("WHY") != "" {
			fmt.Printf("%5d %s\n        %.300s\n", len(v), k, v[0])
		}
	}
}

func stripDigits(s string) string {
	b := []byte(s)
	out := b[:0]
	for _, c := range b {
		if c < '0' || c > '9' {
			out = append(out, c)
		}
	}
	return string(out)
}
