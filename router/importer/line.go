package importer

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/shard"
)

// errNullKey stands for \N in a key column.
var errNullKey = errors.New("the key is NULL")

// keyReader finds the key in lines of COPY's text format: fields between tabs, with
// every tab, newline and backslash of the data escaped. The line itself is passed
// on as it came.
type keyReader struct {
	columns []catalog.KeyColumn
	at      []int // field of each
	last    int   // the highest of at
	fields  [][]byte
	parts   []shard.Key
	scratch []byte
}

func newKeyReader(columns []catalog.KeyColumn, at []int) *keyReader {
	r := &keyReader{columns: columns, at: at}
	for _, i := range at {
		r.last = max(r.last, i)
	}
	return r
}

// key reads the key of a line, with or without its newline.
func (r *keyReader) key(line []byte) (shard.Key, error) {
	if !r.split(bytes.TrimSuffix(line, []byte("\n"))) {
		return shard.Key{}, errors.New("bug: a line of COPY has too few fields")
	}
	r.parts = r.parts[:0]
	for i, c := range r.columns {
		field := r.fields[r.at[i]]
		if string(field) == `\N` {
			return shard.Key{}, fmt.Errorf("column %s: %w", c.Name, errNullKey)
		}
		k, err := shard.FromLiteral(string(r.unescape(field)), c.Type)
		if err != nil {
			return shard.Key{}, fmt.Errorf("column %s: %w", c.Name, err)
		}
		r.parts = append(r.parts, k)
	}
	if len(r.parts) == 1 {
		return r.parts[0], nil
	}
	k := shard.Composite(r.parts...)
	return k, k.Err()
}

// split cuts the line as far as the last key column.
func (r *keyReader) split(line []byte) bool {
	r.fields = r.fields[:0]
	for len(r.fields) <= r.last {
		i := bytes.IndexByte(line, '\t')
		if i < 0 {
			r.fields = append(r.fields, line)
			return len(r.fields) > r.last
		}
		r.fields = append(r.fields, line[:i])
		line = line[i+1:]
	}
	return true
}

// unescape undoes what COPY TO does to a field. COPY TO writes no octal and no
// hexadecimal escapes.
func (r *keyReader) unescape(field []byte) []byte {
	if bytes.IndexByte(field, '\\') < 0 {
		return field
	}
	r.scratch = r.scratch[:0]
	for i := 0; i < len(field); i++ {
		c := field[i]
		if c == '\\' && i+1 < len(field) {
			i++
			c = field[i]
			if j := strings.IndexByte("bfnrtv", c); j >= 0 {
				c = "\b\f\n\r\t\v"[j]
			}
		}
		r.scratch = append(r.scratch, c)
	}
	return r.scratch
}
