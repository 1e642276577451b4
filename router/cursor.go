package router

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash"

	"github.com/keyway-go/keyway/internal/plan"
)

// CursorError says that a cursor is not one that [Page] made for the statement. Nothing was sent.
type CursorError struct {
	Detail string // what is wrong with it, as a sentence without the full stop. It has nothing of the cursor's content
}

func (e *CursorError) Error() string {
	return errPrefix + "the cursor " + e.Detail + "; begin again with the first page"
}

// A cursor is, in base64 for URLs:
//
//	version      1 byte; it says too whether the tag is authentic
//	statement    16 bytes of a SHA-256 of what the cursor must fit
//	values       for each column of the order: 0 for NULL, else the length + 1 as a uvarint, and the value's text
//	tag          of everything before: 16 bytes of a SHA-256, or an HMAC-SHA256
const (
	cursorPlain  = 1
	cursorKeyed  = 2
	fingerprint  = 16
	plainTagSize = 16
)

// cursorCoder makes and reads the cursors of one statement.
type cursorCoder struct {
	of      [fingerprint]byte
	columns int
	key     []byte
}

func newCursorCoder(sql string, args []any, p *plan.Page, scope plan.Scope, key []byte) cursorCoder {
	h := sha256.New()
	write(h, sql)
	for _, a := range args {
		write(h, fmt.Sprintf("%T", a))
	}
	write(h, fmt.Sprint(scope))
	for i := range p.Order {
		c := &p.Order[i]
		write(h, fmt.Sprint(c.Type, c.Desc, c.NullsFirst))
	}
	c := cursorCoder{columns: len(p.Order), key: key}
	copy(c.of[:], h.Sum(nil))
	return c
}

// write makes one string of several tell where each ends.
func write(h hash.Hash, s string) {
	_, _ = fmt.Fprintf(h, "%d:%s", len(s), s)
}

func (c *cursorCoder) version() byte {
	if len(c.key) > 0 {
		return cursorKeyed
	}
	return cursorPlain
}

func (c *cursorCoder) tag(body []byte) []byte {
	if len(c.key) > 0 {
		h := hmac.New(sha256.New, c.key)
		h.Write(body)
		return h.Sum(nil)
	}
	sum := sha256.Sum256(body)
	return sum[:plainTagSize]
}

func (c *cursorCoder) encode(place []*string) string {
	body := append([]byte{c.version()}, c.of[:]...)
	for _, v := range place {
		if v == nil {
			body = append(body, 0)
			continue
		}
		body = binary.AppendUvarint(body, uint64(len(*v))+1)
		body = append(body, *v...)
	}
	return base64.RawURLEncoding.EncodeToString(append(body, c.tag(body)...))
}

func (c *cursorCoder) decode(cursor string) ([]*string, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(raw) == 0 {
		return nil, &CursorError{"is not one"}
	}
	if raw[0] != c.version() {
		return nil, c.otherVersion(raw[0])
	}
	at := len(raw) - len(c.tag(nil))
	if at < 1+fingerprint {
		return nil, &CursorError{"is cut off"}
	}
	body := raw[:at]
	if !hmac.Equal(raw[at:], c.tag(body)) {
		if len(c.key) > 0 {
			return nil, &CursorError{"was altered or cut off, or made with another key"}
		}
		return nil, &CursorError{"was altered or cut off"}
	}
	if [fingerprint]byte(body[1:]) != c.of {
		return nil, &CursorError{"is of another statement, or of arguments of other types, or the columns it is ordered by have changed"}
	}
	return c.values(body[1+fingerprint:])
}

func (c *cursorCoder) otherVersion(v byte) error {
	switch v {
	case cursorPlain:
		return &CursorError{"is not authenticated, and PageOptions.Key asks for that"}
	case cursorKeyed:
		return &CursorError{"is authenticated, and PageOptions has no Key to check it with"}
	}
	return &CursorError{"is of another version of this library"}
}

func (c *cursorCoder) values(b []byte) ([]*string, error) {
	place := make([]*string, 0, c.columns)
	for range c.columns {
		n, used := binary.Uvarint(b)
		if used <= 0 || n > uint64(len(b)-used)+1 {
			return nil, &CursorError{"is not one"}
		}
		b = b[used:]
		if n == 0 {
			place = append(place, nil)
			continue
		}
		v := string(b[:n-1])
		place, b = append(place, &v), b[n-1:]
	}
	if len(b) > 0 {
		return nil, &CursorError{"is not one"}
	}
	return place, nil
}
