package merge

import "context"

// Concat gives out the rows of all inputs as they come, in no order. It returns at once: what fails is in Err of the
// rows. Every input is released by the time the rows are closed.
func Concat(ctx context.Context, inputs []Input, opt Options) *Rows {
	if opt.WithTies {
		panic("merge: rows without an order have no ties")
	}
	r := newRows(ctx, inputs, &concat{}, opt)
	r.start()
	return r
}

type concat struct {
	turn int // the pump whose rows are given out as long as it has some
}

func (c *concat) prepare(*Rows) error { return nil }

func (c *concat) advance(r *Rows) ([][]byte, bool) {
	for {
		pending := false
		for range r.pumps {
			row, ok, ended := r.pumps[c.turn].take()
			if ok {
				return row, !r.stopping()
			}
			pending = pending || !ended
			c.turn = (c.turn + 1) % len(r.pumps)
		}
		if !pending || !r.await(anything) {
			return nil, false
		}
	}
}

func (c *concat) key() []byte { return nil }
