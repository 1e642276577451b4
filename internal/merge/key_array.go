package merge

import "bytes"

const (
	arrayEnd  = 0
	maxDims   = 6 // of an array, as PostgreSQL has it
	arrayHead = 12
)

// arrayEncoder orders as array_cmp does: the elements one by one, NULL after everything, then the number of elements,
// the number of dimensions, the dimensions, and the lower bounds.
func arrayEncoder(format int16, element encoder) encoder {
	if format == binary {
		return func(dst, v []byte) ([]byte, bool) { return arrayBinary(dst, v, element) }
	}
	return func(dst, v []byte) ([]byte, bool) {
		r := arrayReader{rest: v, element: element, dst: dst}
		ok := r.read()
		return r.dst, ok
	}
}

// shape is the dimensions of an array.
type shape struct {
	ndims         int
	lengths, from [maxDims]int32
}

func (s *shape) append(dst []byte) []byte {
	dst = append(dst, arrayEnd, byte(s.ndims))
	for _, n := range s.lengths[:s.ndims] {
		dst = append32(dst, uint32(n)^1<<31)
	}
	for _, n := range s.from[:s.ndims] {
		dst = append32(dst, uint32(n)^1<<31)
	}
	return dst
}

// items is false when the lengths say nonsense.
func (s *shape) items() (int64, bool) {
	if s.ndims == 0 {
		return 0, true
	}
	n := int64(1)
	for _, l := range s.lengths[:s.ndims] {
		if n *= int64(l); l <= 0 || n > 1<<28 {
			return 0, false
		}
	}
	return n, true
}

// arrayBinary reads the number of dimensions, whether there are NULLs, the element's oid, the length and lower bound of
// each dimension, and the elements, each with its length in front; -1 is NULL.
func arrayBinary(dst, v []byte, element encoder) ([]byte, bool) {
	if len(v) < arrayHead {
		return dst, false
	}
	s := shape{ndims: int(be32(v) & 0xff)}
	if be32(v) > maxDims || len(v) < arrayHead+8*s.ndims {
		return dst, false
	}
	v = v[arrayHead:]
	for i := range s.ndims {
		s.lengths[i], s.from[i] = int32(be32(v)), int32(be32(v[4:]))
		v = v[8:]
	}
	items, ok := s.items()
	if !ok {
		return dst, false
	}
	for range items {
		if len(v) < 4 {
			return dst, false
		}
		size := int32(be32(v))
		v = v[4:]
		if size == -1 {
			dst = append(dst, nullLast)
			continue
		}
		if size < 0 || int(size) > len(v) {
			return dst, false
		}
		if dst, ok = element(append(dst, notNull), v[:size]); !ok {
			return dst, false
		}
		v = v[size:]
	}
	return s.append(dst), len(v) == 0
}

// arrayReader reads an array as array_out prints it: {1,NULL,"a \"quoted\" one"}, nested for dimensions, with
// [from:to]...= in front where a lower bound is not 1.
type arrayReader struct {
	rest    []byte
	element encoder
	dst     []byte
	shape   shape
	scratch []byte
}

func (r *arrayReader) read() bool {
	if string(r.rest) == "{}" {
		r.dst = r.shape.append(r.dst)
		return true
	}
	for i := range r.shape.from {
		r.shape.from[i] = 1
	}
	decorated := 0
	for ; len(r.rest) > 0 && r.rest[0] == '['; decorated++ {
		if decorated == maxDims || !r.bound(decorated) {
			return false
		}
	}
	if decorated > 0 && !r.skip('=') {
		return false
	}
	for r.shape.ndims < len(r.rest) && r.rest[r.shape.ndims] == '{' {
		r.shape.ndims++
	}
	if r.shape.ndims == 0 || r.shape.ndims > maxDims || decorated > 0 && decorated != r.shape.ndims {
		return false
	}
	if !r.list(0) || len(r.rest) > 0 {
		return false
	}
	r.dst = r.shape.append(r.dst)
	return true
}

// bound reads [from:to]. The length is that of the elements.
func (r *arrayReader) bound(dimension int) bool {
	end := bytes.IndexByte(r.rest, ']')
	if end < 0 {
		return false
	}
	from, _, ok := bytes.Cut(r.rest[1:end], []byte(":"))
	n, valid := parseInt32(from)
	r.shape.from[dimension] = n
	r.rest = r.rest[end+1:]
	return ok && valid
}

func (r *arrayReader) skip(c byte) bool {
	if len(r.rest) == 0 || r.rest[0] != c {
		return false
	}
	r.rest = r.rest[1:]
	return true
}

// list reads {...} of a dimension. All lists of a dimension are of one length.
func (r *arrayReader) list(dimension int) bool {
	if !r.skip('{') {
		return false
	}
	for n := int32(1); ; n++ {
		if dimension+1 < r.shape.ndims {
			if !r.list(dimension + 1) {
				return false
			}
		} else if !r.item() {
			return false
		}
		if r.skip(',') {
			continue
		}
		length := &r.shape.lengths[dimension]
		if *length == 0 {
			*length = n
		}
		return *length == n && r.skip('}')
	}
}

func (r *arrayReader) item() bool {
	if len(r.rest) > 0 && r.rest[0] == '"' {
		return r.quoted()
	}
	end := bytes.IndexAny(r.rest, `,{}"\`)
	if end <= 0 {
		return false
	}
	word := r.rest[:end]
	r.rest = r.rest[end:]
	if string(word) == "NULL" {
		r.dst = append(r.dst, nullLast)
		return true
	}
	return r.add(word)
}

func (r *arrayReader) quoted() bool {
	r.scratch = r.scratch[:0]
	for i := 1; i < len(r.rest); i++ {
		switch r.rest[i] {
		case '"':
			r.rest = r.rest[i+1:]
			return r.add(r.scratch)
		case '\\':
			if i++; i == len(r.rest) {
				return false
			}
		}
		r.scratch = append(r.scratch, r.rest[i])
	}
	return false
}

func (r *arrayReader) add(element []byte) bool {
	var ok bool
	r.dst, ok = r.element(append(r.dst, notNull), element)
	return ok
}
