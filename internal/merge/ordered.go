package merge

import (
	"bytes"
	"context"

	"github.com/jackc/pgx/v5/pgconn"
)

// Ordered merges inputs that are each sorted by the columns of order, as the server sorts. It returns at once: what
// fails is in Err of the rows, [ErrNotOrderable] among it, which is found before the first row. Every input is released
// by the time the rows are closed.
//
// Rows that sort equal come in the order of the inputs.
func Ordered(ctx context.Context, inputs []Input, order []SortColumn, opt Options) *Rows {
	r := newRows(ctx, inputs, &ordered{columns: order}, opt)
	r.holding = r.opt.Wave < len(inputs) || r.opt.Cut > 0
	r.start()
	return r
}

// ordered is a heap of pumps by the keys of their current rows.
type ordered struct {
	columns []SortColumn
	keys    keyer
	heap    []*pump // the first has the least key
	started bool
}

func (o *ordered) prepare(r *Rows) (err error) {
	o.keys, err = newKeyer(o.columns, r.fields)
	if err == nil && r.opt.Cut > 0 {
		err = o.checkCut(r)
	}
	return err
}

func (o *ordered) advance(r *Rows) ([][]byte, bool) {
	if !o.started {
		o.started = true
		if !o.fill(r) {
			return nil, false
		}
	} else if !o.replaceFirst(r) {
		return nil, false
	}
	if len(o.heap) == 0 || r.stopping() {
		return nil, false
	}
	return o.heap[0].head(), true
}

func (o *ordered) key() []byte { return o.heap[0].key }

// fill waits for the first row of every pump.
func (o *ordered) fill(r *Rows) bool {
	o.heap = make([]*pump, 0, len(r.pumps))
	for i := range r.pumps {
		p := &r.pumps[i]
		more, ok := o.forward(r, p)
		if !ok {
			return false
		}
		if more {
			o.heap = append(o.heap, p)
		}
	}
	for i := len(o.heap)/2 - 1; i >= 0; i-- {
		o.down(i)
	}
	return true
}

// replaceFirst moves on from the row that was given out.
func (o *ordered) replaceFirst(r *Rows) bool {
	if len(o.heap) == 0 {
		return true
	}
	more, ok := o.forward(r, o.heap[0])
	if !ok {
		return false
	}
	if !more {
		last := len(o.heap) - 1
		o.heap[0] = o.heap[last]
		o.heap = o.heap[:last]
	}
	o.down(0)
	return true
}

// forward moves p to its next row; more is false when it has none, ok when the merge has failed.
func (o *ordered) forward(r *Rows, p *pump) (more, ok bool) {
	for {
		row, got, ended := p.take()
		switch {
		case got:
			return true, o.readKey(r, p, row)
		case ended:
			return false, !r.stopping()
		case !r.await(p.index):
			return false, false
		}
	}
}

func (o *ordered) readKey(r *Rows, p *pump, row [][]byte) (ok bool) {
	var err error
	if p.key, err = o.keyOf(p, row, p.key[:0]); err != nil {
		r.refuse(err)
	}
	return err == nil
}

// keyOf appends the key of a row of p to dst.
func (o *ordered) keyOf(p *pump, row [][]byte, dst []byte) ([]byte, error) {
	key, err := o.keys.append(dst, row)
	if err != nil {
		return dst, &ShardError{Shard: p.in.Shard(), Err: err}
	}
	return key, nil
}

func (o *ordered) less(a, b *pump) bool {
	c := bytes.Compare(a.key, b.key)
	return c < 0 || c == 0 && a.index < b.index
}

func (o *ordered) down(i int) {
	for {
		least := i
		for _, child := range [2]int{2*i + 1, 2*i + 2} {
			if child < len(o.heap) && o.less(o.heap[child], o.heap[least]) {
				least = child
			}
		}
		if least == i {
			return
		}
		o.heap[i], o.heap[least] = o.heap[least], o.heap[i]
		i = least
	}
}

// CheckOrder says before a statement runs whether [Ordered] can follow the order of its columns, as its description
// gives them: an error that wraps [ErrNotOrderable] when not.
func CheckOrder(order []SortColumn, fields []pgconn.FieldDescription) error {
	_, err := newKeyer(order, fields)
	return err
}
