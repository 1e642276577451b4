package pool

// A list is a doubly linked list of values that carry their own node, so that joining and leaving allocate nothing.
// The instance's mu guards every list.
type list[T any] struct {
	first, last *node[T]
	n           int
}

// A node is a value's place in at most one list.
type node[T any] struct {
	of         *T // the value that carries the node; set once
	prev, next *node[T]
	list       *list[T] // nil while in none
}

// push puts e at the end.
func (l *list[T]) push(e *node[T]) { l.insert(l.last, e) }

// insert puts e behind at, or in front of all when at is nil.
func (l *list[T]) insert(at, e *node[T]) {
	e.list, e.prev, e.next = l, at, l.first
	if at != nil {
		e.next = at.next
		at.next = e
	} else {
		l.first = e
	}
	if e.next != nil {
		e.next.prev = e
	} else {
		l.last = e
	}
	l.n++
}

// leave takes e out of its list.
func (e *node[T]) leave() {
	l := e.list
	if e.prev == nil {
		l.first = e.next
	} else {
		e.prev.next = e.next
	}
	if e.next == nil {
		l.last = e.prev
	} else {
		e.next.prev = e.prev
	}
	e.list, e.prev, e.next = nil, nil, nil
	l.n--
}

// value is the value of a node that may be nil.
func (e *node[T]) value() *T {
	if e == nil {
		return nil
	}
	return e.of
}
