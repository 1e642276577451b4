package sqlparse

import "sync"

// tokenList is the memory of a list of tokens. A tree keeps none of them, so the next text can have it: half of what
// reading a short statement allocates is this list.
type tokenList struct{ tokens []Token }

// maxKept bounds the lists that are kept, in tokens. A longer one came from a rare text.
const maxKept = 1024

var tokenLists = sync.Pool{New: func() any { return &tokenList{tokens: make([]Token, 0, 64)} }}

func borrowTokens() *tokenList { return tokenLists.Get().(*tokenList) }

// giveBack clears the list, so that it holds no text, and leaves it to the next reader.
func (l *tokenList) giveBack() {
	if cap(l.tokens) > maxKept {
		return
	}
	clear(l.tokens)
	l.tokens = l.tokens[:0]
	tokenLists.Put(l)
}
