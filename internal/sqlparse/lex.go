package sqlparse

import (
	"strings"
	"unicode/utf8"
)

// MaxText is the longest text that is read, in bytes.
const MaxText = 1 << 20

// maxIdentifier is NAMEDATALEN-1. PostgreSQL cuts longer names to it, so two spellings could mean one table.
const maxIdentifier = 63

// TokenKind is the lexical class of a token.
type TokenKind uint8

// The classes of tokens.
const (
	TokenEOF      TokenKind = iota
	TokenIdent              // folded to lower case (ASCII letters only, as PostgreSQL does in a UTF-8 database)
	TokenQuoted             // "Ident" or U&"ident"; never a keyword
	TokenKeyword            // a word of PostgreSQL's keyword list, folded; it may still be used as a name
	TokenParam              // $1
	TokenInteger            // decimal digits
	TokenNumeric            // 1.5, .5, 1e9
	TokenString             // any spelling of a string, decoded
	TokenBit                // B'01' or X'1F'
	TokenOperator           // any operator, one-character ones too; != is given as <>
	TokenPunct              // ( ) [ ] , ; . : :: := => ..
)

// Token is one lexical element. Value is decoded: an identifier is folded, a string has its escapes resolved.
type Token struct {
	Span
	Kind  TokenKind
	Value string

	word  keyword // of a TokenKeyword
	query bool    // of "(": it opens a query, not an expression; see pairParens
	close int32   // of "(": the index of its ")"
}

// Lex splits a text into tokens; white space and comments are left out. The last token is TokenEOF, an empty span at
// the end of the text. What PostgreSQL's versions 15 to 18 do not all read alike is an *UnsupportedError, what none
// of them reads a *SyntaxError.
func Lex(sql string) (tokens []Token, err error) {
	defer catch(&err)
	tokens, _ = lex(sql, make([]Token, 0, len(sql)/4+8))
	return tokens, nil
}

// lex appends the tokens to list, which is empty. It also returns the first major version of PostgreSQL that reads them.
func lex(sql string, list []Token) (tokens []Token, version int) {
	checkText(sql)
	l := lexer{s: sql, version: 15, tokens: list}
	for l.next() {
	}
	l.emit(TokenEOF, len(sql), "")
	if l.sawUnicode {
		l.decodeUnicode()
	}
	markLookahead(l.tokens)
	return l.tokens, l.version
}

func checkText(sql string) {
	if len(sql) > MaxText {
		failUnsupported(0, "a text of more than 1 MiB", "send the values as parameters")
	}
	if i := strings.IndexByte(sql, 0); i >= 0 {
		failSyntax(i, "the text holds a NUL byte")
	}
	if utf8.ValidString(sql) {
		return
	}
	for i, r := range sql {
		if r == utf8.RuneError && !strings.HasPrefix(sql[i:], "\uFFFD") {
			failSyntax(i, "the text is not valid UTF-8")
		}
	}
}

type lexer struct {
	s          string
	i          int // the next byte to read
	tokens     []Token
	sawUnicode bool // a U& token waits for its UESCAPE
	version    int  // the first major version of PostgreSQL that reads the tokens
}

// emit appends the token that starts at start and ends before l.i.
func (l *lexer) emit(kind TokenKind, start int, value string) {
	l.tokens = append(l.tokens, Token{Span: Span{start, l.i}, Kind: kind, Value: value})
}

// next reads one token; it reports false at the end of the text.
func (l *lexer) next() bool {
	l.skipSpace()
	if l.i >= len(l.s) {
		return false
	}
	c, start := l.s[l.i], l.i
	switch {
	case isIdentStart(c):
		if !l.prefixedString(c) {
			l.identifier()
		}
	case isDigit(c), c == '.' && isDigit(l.at(1)):
		l.number()
	case c == '\'':
		l.quotedString(start, l.i+1)
	case c == '"':
		l.emitQuoted(start, l.quotedIdentifier(start, l.i+1))
	case c == '$':
		l.dollar()
	case isOperator(c):
		l.operator()
	case c == '.' && l.at(1) == '.', c == ':' && (l.at(1) == ':' || l.at(1) == '='):
		l.i += 2
		l.emit(TokenPunct, start, l.s[start:l.i])
	case strings.IndexByte("()[],;.:", c) >= 0:
		l.i++
		l.emit(TokenPunct, start, l.s[start:l.i])
	case c == '\v':
		failUnsupported(start, "a vertical tab", "write a space; PostgreSQL 15 does not read it as white space")
	default:
		failSyntax(start, "unexpected character "+quoteByte(c))
	}
	return true
}

// at returns the byte n places ahead, 0 behind the end.
func (l *lexer) at(n int) byte {
	if l.i+n < len(l.s) {
		return l.s[l.i+n]
	}
	return 0
}

func (l *lexer) skipSpace() {
	for l.i < len(l.s) {
		switch c := l.s[l.i]; {
		case isSpace(c):
			l.i++
		case c == '-' && l.at(1) == '-':
			l.i = lineEnd(l.s, l.i)
		case c == '/' && l.at(1) == '*':
			l.blockComment()
		default:
			return
		}
	}
}

// blockComment skips /* ... */; such comments nest.
func (l *lexer) blockComment() {
	start := l.i
	depth := 0
	for l.i < len(l.s) {
		switch {
		case l.s[l.i] == '/' && l.at(1) == '*':
			depth++
			l.i += 2
		case l.s[l.i] == '*' && l.at(1) == '/':
			depth--
			l.i += 2
			if depth == 0 {
				return
			}
		default:
			l.i++
		}
	}
	failSyntax(start, "unterminated /* comment")
}

func (l *lexer) identifier() {
	start := l.i
	upper := false
	for l.i < len(l.s) && isIdentCont(l.s[l.i]) {
		upper = upper || isUpper(l.s[l.i])
		l.i++
	}
	name := l.s[start:l.i]
	if upper {
		name = foldASCII(name)
	}
	checkLength(start, name)
	l.emit(TokenIdent, start, name)
	l.lookUp()
}

// lookUp makes the last token, an identifier, a keyword if it is one.
func (l *lexer) lookUp() {
	t := &l.tokens[len(l.tokens)-1]
	if w, ok := keywords[t.Value]; ok {
		t.Kind, t.word = TokenKeyword, w
	}
}

func checkLength(offset int, name string) {
	if len(name) > maxIdentifier {
		failUnsupported(offset, "an identifier of more than 63 bytes", "shorten it; PostgreSQL would cut it")
	}
}

// dollar reads $1 or a dollar-quoted string.
func (l *lexer) dollar() {
	if isDigit(l.at(1)) {
		l.param()
		return
	}
	start := l.i
	end := l.i + 1
	if end < len(l.s) && isIdentStart(l.s[end]) {
		for end < len(l.s) && isIdentCont(l.s[end]) && l.s[end] != '$' {
			end++
		}
	}
	if end >= len(l.s) || l.s[end] != '$' {
		failSyntax(start, `unexpected character "$"`)
	}
	delimiter := l.s[start : end+1]
	n := strings.Index(l.s[end+1:], delimiter)
	if n < 0 {
		failSyntax(start, "unterminated dollar-quoted string")
	}
	body := l.s[end+1 : end+1+n]
	l.i = end + 1 + n + len(delimiter)
	l.emit(TokenString, start, body)
}

func isSpace(c byte) bool  { return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isUpper(c byte) bool  { return 'A' <= c && c <= 'Z' }
func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isIdentStart(c byte) bool { return isLetter(c) || c == '_' || c >= utf8.RuneSelf }
func isIdentCont(c byte) bool  { return isIdentStart(c) || isDigit(c) || c == '$' }

// foldASCII lowers A to Z only: the server leaves other letters alone when its encoding is UTF-8.
func foldASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if isUpper(c) {
			b[i] = c | 0x20
		}
	}
	return string(b)
}

// lineEnd returns where the line that holds offset i ends, before its line break.
func lineEnd(s string, i int) int {
	for i < len(s) && s[i] != '\n' && s[i] != '\r' {
		i++
	}
	return i
}

func quoteByte(c byte) string {
	if c < ' ' || c > '~' {
		return "(control character)"
	}
	return `"` + string(rune(c)) + `"`
}
