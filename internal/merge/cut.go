package merge

import (
	"bytes"
	"iter"
)

// checkCut waits for all inputs, and fails unless their rows suffice for offset and limit.
//
// Of an input that gave as many rows as it was asked for, the rows after the last are not known; the merge would give
// them out after that one. So up to the least of such last rows nothing is missing, and that must fill offset and limit.
func (o *ordered) checkCut(r *Rows) error {
	select {
	case <-r.ended:
	case <-r.stop:
		return nil
	}
	var end []byte
	last := -1
	for i := range r.pumps {
		p := &r.pumps[i]
		if p.count() < r.opt.Cut {
			continue
		}
		key, err := o.keyOf(p, p.lastRow(), nil)
		if err != nil {
			return err
		}
		if last < 0 || bytes.Compare(key, end) < 0 {
			last, end = i, key
		}
	}
	if last < 0 {
		return nil
	}
	known, err := o.upTo(r, end, last)
	if err == nil && known < r.opt.Offset+r.opt.Limit.rows {
		return ErrCut
	}
	return err
}

// upTo counts the rows that the merge gives out up to the last with that key of the input with that index.
func (o *ordered) upTo(r *Rows, end []byte, index int) (n int64, err error) {
	for i := range r.pumps {
		p := &r.pumps[i]
		for row := range p.waiting() {
			if p.key, err = o.keyOf(p, row, p.key[:0]); err != nil {
				return 0, err
			}
			if c := bytes.Compare(p.key, end); c > 0 || c == 0 && i > index {
				break
			}
			n++
		}
	}
	return n, nil
}

// waiting are the rows of an input that has ended, of which none was taken.
func (p *pump) waiting() iter.Seq[[][]byte] {
	return func(yield func([][]byte) bool) {
		for _, b := range p.queue {
			for i := range b.rows {
				if !yield(b.row(i)) {
					return
				}
			}
		}
	}
}

// count is their number.
func (p *pump) count() (n int64) {
	for _, b := range p.queue {
		n += int64(b.rows)
	}
	return n
}

func (p *pump) lastRow() [][]byte {
	b := p.queue[len(p.queue)-1]
	return b.row(b.rows - 1)
}
