package plan

// bytesEach is how much a cache may keep in all, for each plan of its size. An ordinary plan has one to three thousand
// bytes; one of an INSERT of a thousand rows has three hundred thousand, and a service that generates its texts would
// fill the cache with such.
const bytesEach = 16 << 10

// maxPieceText bounds the texts of a scatter plan that are kept for each shard. A longer one is written each time, which
// costs little beside its transport.
const maxPieceText = 2 << 10

// What the parts of plans take, in bytes, with what their slices have in reserve. A test compares the sum with the heap.
const (
	bytesOfEntry = 1 << 10
	bytesOfValue = 112
	bytesOfPart  = 80
	bytesOfOcc   = 80
	bytesOfRow   = 80
	bytesOfExtra = 40
	pieces       = 32 // of a scatter plan: about as many as there are shards
)

// bytes is about how much an entry keeps from being collected.
func (e *cached) bytes() int {
	n := bytesOfEntry + len(e.text)
	if e.plan != nil {
		n += e.plan.bytes()
	}
	if s := e.scatter; s != nil {
		n += len(s.text) + bytesOfOccs(s.anchors)
		if len(s.text) <= maxPieceText {
			n += pieces * len(s.text)
		}
		if s.One != nil {
			n += s.One.bytes()
		}
	}
	if e.page != nil {
		n += bytesOfTree * len(e.text)
	}
	return n
}

// bytesOfTree is what the tree of a statement takes for each byte of its text. Pages keep a part of theirs.
const bytesOfTree = 40

func (p *Plan) bytes() int {
	n := len(p.Text) + bytesOfOccs(p.occs) + len(p.extras)*bytesOfExtra
	for _, r := range p.rows {
		n += bytesOfRow
		for _, part := range r.parts {
			n += bytesOfPart + bytesOfValues([]value{part.value})
		}
	}
	return n
}

func bytesOfOccs(occs []occurrence) (n int) {
	for _, o := range occs {
		n += bytesOfOcc
		for _, p := range o.parts {
			n += bytesOfPart + bytesOfValues(p.singles) + bytesOfValues(p.lists)
		}
	}
	return n
}

func bytesOfValues(list []value) (n int) {
	for _, v := range list {
		n += bytesOfValue + bytesOfValues(v.elems)
	}
	return n
}
