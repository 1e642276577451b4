package merge

import "sync"

const (
	batchBytes = 16 << 10
	valueBytes = 24 // of the slice that points to a value
)

// batch is some rows of one source, copied out of the connection's buffer.
type batch struct {
	// data holds the values and is never grown, so that values can point into it.
	data   []byte
	values [][]byte // row after row; nil is NULL
	rows   int
}

var batches = sync.Pool{New: func() any { return &batch{data: make([]byte, 0, batchBytes)} }}

// newBatch has room for size bytes.
func newBatch(size int) *batch {
	if size > batchBytes {
		return &batch{data: make([]byte, 0, size)}
	}
	return batches.Get().(*batch)
}

// recycle makes b available to others. Nothing may point into it any more.
func (b *batch) recycle() {
	if cap(b.data) != batchBytes {
		return
	}
	clear(b.values)
	b.data, b.values, b.rows = b.data[:0], b.values[:0], 0
	batches.Put(b)
}

func (b *batch) fits(size int) bool { return cap(b.data)-len(b.data) >= size }

func (b *batch) add(row [][]byte) {
	for _, v := range row {
		if v == nil {
			b.values = append(b.values, nil)
			continue
		}
		from := len(b.data)
		b.data = append(b.data, v...)
		b.values = append(b.values, b.data[from:len(b.data):len(b.data)])
	}
	b.rows++
}

// row is valid until b is recycled.
func (b *batch) row(i int) [][]byte {
	columns := len(b.values) / b.rows
	return b.values[i*columns : (i+1)*columns : (i+1)*columns]
}

func sizeOf(row [][]byte) int {
	n := 0
	for _, v := range row {
		n += len(v)
	}
	return n
}
