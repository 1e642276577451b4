package faultproxy

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// message is one message of the protocol, exactly as it came.
type message struct {
	raw     []byte // type, length and body; reused for the next message
	kind    byte   // the type; 0 for the messages that open a connection
	name    string
	text    string // the statement of Query and Execute, the tag of CommandComplete
	backend bool
}

// Codes in the place of the protocol version, from the protocol's documentation.
const (
	cancelRequestCode = 80877102
	sslRequestCode    = 80877103
	gssRequestCode    = 80877104
)

// maxMessage is PostgreSQL's own limit on a message (MaxAllocSize).
const maxMessage = 1 << 30

var startupNames = map[uint32]string{
	cancelRequestCode: "CancelRequest",
	sslRequestCode:    "SSLRequest",
	gssRequestCode:    "GSSENCRequest",
	0:                 "StartupMessage",
}

var frontendNames = map[byte]string{
	'B': "Bind", 'C': "Close", 'd': "CopyData", 'c': "CopyDone", 'f': "CopyFail", 'D': "Describe",
	'E': "Execute", 'H': "Flush", 'F': "FunctionCall", 'P': "Parse", 'p': "PasswordMessage",
	'Q': "Query", 'S': "Sync", 'X': "Terminate",
}

var backendNames = map[byte]string{
	'R': "Authentication", 'K': "BackendKeyData", '2': "BindComplete", '3': "CloseComplete",
	'C': "CommandComplete", 'd': "CopyData", 'c': "CopyDone", 'G': "CopyInResponse", 'H': "CopyOutResponse",
	'W': "CopyBothResponse", 'D': "DataRow", 'I': "EmptyQueryResponse", 'E': "ErrorResponse",
	'V': "FunctionCallResponse", 'v': "NegotiateProtocolVersion", 'n': "NoData", 'N': "NoticeResponse",
	'A': "NotificationResponse", 't': "ParameterDescription", 'S': "ParameterStatus", '1': "ParseComplete",
	's': "PortalSuspended", 'Z': "ReadyForQuery", 'T': "RowDescription",
}

func isName[K comparable](names map[K]string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}

// readStartup reads a message that opens a connection: it has no type byte.
func readStartup(r io.Reader) (message, error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return message{}, err
	}
	length, code := binary.BigEndian.Uint32(head[:4]), binary.BigEndian.Uint32(head[4:])
	if length < 8 || length > 1<<16 {
		return message{}, fmt.Errorf("a first message of %d bytes is not PostgreSQL's protocol", length)
	}
	raw := make([]byte, length)
	copy(raw, head[:])
	if _, err := io.ReadFull(r, raw[8:]); err != nil {
		return message{}, err
	}
	name, ok := startupNames[code]
	if !ok {
		name = startupNames[0]
	}
	return message{raw: raw, name: name}, nil
}

// readMessage reads one message into buf, which grows as needed.
func readMessage(r io.Reader, buf []byte, backend bool) (message, error) {
	buf = append(buf[:0], 0, 0, 0, 0, 0)
	if _, err := io.ReadFull(r, buf); err != nil {
		return message{raw: buf}, err
	}
	length := binary.BigEndian.Uint32(buf[1:])
	if length < 4 || length > maxMessage {
		return message{raw: buf}, fmt.Errorf("a message of %d bytes is not PostgreSQL's protocol", length)
	}
	total := int(length) + 1
	for len(buf) < total {
		buf = append(buf, make([]byte, min(total-len(buf), 1<<16))...)
	}
	if _, err := io.ReadFull(r, buf[5:]); err != nil {
		return message{raw: buf}, err
	}
	names := frontendNames
	if backend {
		names = backendNames
	}
	return message{raw: buf, kind: buf[0], name: names[buf[0]], backend: backend}, nil
}

func (m message) body() []byte { return m.raw[5:] }

// cString splits the bytes at the first zero.
func cString(b []byte) (string, []byte) {
	before, after, _ := bytes.Cut(b, []byte{0})
	return string(before), after
}

// fatalResponse is an ErrorResponse as a server sends it before it hangs up.
func fatalResponse(sqlstate string) []byte {
	body := "SFATAL\x00VFATAL\x00C" + sqlstate + "\x00Mterminating connection by rule of the fault proxy\x00\x00"
	out := []byte{'E', 0, 0, 0, 0}
	binary.BigEndian.PutUint32(out[1:], uint32(len(body)+4))
	return append(out, body...)
}
