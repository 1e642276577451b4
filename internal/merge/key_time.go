package merge

import (
	"bytes"
	"math"
	"math/bits"
	"strconv"
)

const (
	second = 1_000_000 // microseconds
	day    = 86_400 * second
)

// reader reads a value's text from the left. What it cannot read makes it bad.
type reader struct {
	rest []byte
	bad  bool
}

// number reads at least that many digits.
func (r *reader) number(least int) int64 {
	n := 0
	for n < len(r.rest) && r.rest[n] >= '0' && r.rest[n] <= '9' {
		n++
	}
	v, err := strconv.ParseInt(string(r.rest[:n]), 10, 64)
	r.bad = r.bad || n < least || err != nil
	r.rest = r.rest[n:]
	return v
}

func (r *reader) skip(prefix string) bool {
	rest, ok := bytes.CutPrefix(r.rest, []byte(prefix))
	r.rest = rest
	return ok
}

func (r *reader) must(prefix string) {
	if !r.skip(prefix) {
		r.bad = true
	}
}

func (r *reader) ended() bool { return !r.bad && len(r.rest) == 0 }

// date reads YYYY-MM-DD without the era.
func (r *reader) date() (year, month, dayOfMonth int64) {
	year = r.number(4)
	r.must("-")
	month = r.number(2)
	r.must("-")
	dayOfMonth = r.number(2)
	r.bad = r.bad || year > 6_000_000 || month < 1 || month > 12 || dayOfMonth < 1 || dayOfMonth > 31
	return year, month, dayOfMonth
}

// clock reads HH:MM:SS with up to six digits of a fraction, as microseconds.
func (r *reader) clock() int64 {
	h := r.number(2)
	r.must(":")
	m := r.number(2)
	r.must(":")
	s := r.number(2)
	r.bad = r.bad || h > math.MaxInt64/(3600*second) || m > 59 || s > 60
	micros := r.fraction(((h*60+m)*60 + s) * second)
	// The least interval has one microsecond more than the greatest, which wraps to itself.
	r.bad = r.bad || micros < 0 && micros != math.MinInt64
	return micros
}

func (r *reader) fraction(micros int64) int64 {
	if !r.skip(".") {
		return micros
	}
	before := len(r.rest)
	f := r.number(1)
	n := before - len(r.rest)
	r.bad = r.bad || n > 6
	for ; n < 6; n++ {
		f *= 10
	}
	return micros + f
}

// zone reads +HH[:MM[:SS]] as seconds east of Greenwich.
func (r *reader) zone() int64 {
	sign := int64(1)
	if r.skip("-") {
		sign = -1
	} else {
		r.must("+")
	}
	s := r.number(2) * 3600
	for unit := int64(60); unit >= 1 && r.skip(":"); unit /= 60 {
		s += r.number(2) * unit
	}
	r.bad = r.bad || s > 1e6
	return sign * s
}

// era reads " BC" and returns the year with a year 0 in the middle.
func (r *reader) era(year int64) int64 {
	if r.skip(" BC") {
		return 1 - year
	}
	return year
}

// daysSince2000 counts days of the Gregorian calendar, which is followed backwards for ever.
func daysSince2000(year, month, dayOfMonth int64) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	century := floorDiv(year, 100)
	return 365*year + floorDiv(year, 4) - century + floorDiv(century, 4) + (153*(month-3)+2)/5 + dayOfMonth - 730_426
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func dateText(dst, v []byte) ([]byte, bool) {
	switch string(v) {
	case "infinity":
		return append32(dst, math.MaxUint32), true
	case "-infinity":
		return append32(dst, 0), true
	}
	r := reader{rest: v}
	y, m, d := r.date()
	y = r.era(y)
	return append32(dst, uint32(daysSince2000(y, m, d))^1<<31), r.ended()
}

func timestampText(zoned bool) encoder {
	return func(dst, v []byte) ([]byte, bool) {
		switch string(v) {
		case "infinity":
			return appendSigned(dst, math.MaxInt64), true
		case "-infinity":
			return appendSigned(dst, math.MinInt64), true
		}
		r := reader{rest: v}
		y, m, d := r.date()
		r.must(" ")
		micros := r.clock()
		if zoned {
			micros -= r.zone() * second
		}
		y = r.era(y)
		return appendSigned(dst, daysSince2000(y, m, d)*day+micros), r.ended()
	}
}

func timeText(dst, v []byte) ([]byte, bool) {
	r := reader{rest: v}
	micros := r.clock()
	return appendSigned(dst, micros), r.ended()
}

// appendTimetz orders the moment in Greenwich, then the zone, which is in seconds west.
func appendTimetz(dst []byte, micros int64, west int32) []byte {
	return append32(appendSigned(dst, micros+int64(west)*second), uint32(west)^1<<31)
}

func timetzBinary(dst, v []byte) ([]byte, bool) {
	if len(v) != 12 {
		return dst, false
	}
	return appendTimetz(dst, int64(be64(v)), int32(be32(v[8:]))), true
}

func timetzText(dst, v []byte) ([]byte, bool) {
	r := reader{rest: v}
	micros := r.clock()
	east := r.zone()
	return appendTimetz(dst, micros, int32(-east)), r.ended()
}

// appendInterval orders by length, with months of 30 days and days of 24 hours, in 128 bits. The infinite intervals of
// PostgreSQL 17 have the greatest or the least of every part, so they come out right.
func appendInterval(dst []byte, micros int64, days, months int32) []byte {
	whole := int64(months)*30 + int64(days)
	high, low := bits.Mul64(uint64(max(whole, -whole)), day)
	if whole < 0 {
		var borrow uint64
		low, borrow = bits.Sub64(0, low, 0)
		high, _ = bits.Sub64(0, high, borrow)
	}
	low, carry := bits.Add64(low, uint64(micros), 0)
	high, _ = bits.Add64(high, uint64(micros>>63), carry)
	return append64(appendSigned(dst, int64(high)), low)
}

func intervalBinary(dst, v []byte) ([]byte, bool) {
	if len(v) != 16 {
		return dst, false
	}
	return appendInterval(dst, int64(be64(v)), int32(be32(v[8:])), int32(be32(v[12:]))), true
}

// intervalText reads the style "postgres": 1 year 2 mons -3 days +04:05:06.7
func intervalText(dst, v []byte) ([]byte, bool) {
	switch string(v) {
	case "infinity":
		return appendInterval(dst, math.MaxInt64, math.MaxInt32, math.MaxInt32), true
	case "-infinity":
		return appendInterval(dst, math.MinInt64, math.MinInt32, math.MinInt32), true
	}
	var micros, days, months int64
	r := reader{rest: v}
	for !r.bad {
		sign := int64(1)
		if r.skip("-") {
			sign = -1
		} else {
			r.skip("+")
		}
		if at := bytes.IndexAny(r.rest, " :"); at >= 0 && r.rest[at] == ':' {
			micros = sign * r.clock()
			break
		}
		n := sign * r.number(1)
		switch {
		case r.skip(" years"), r.skip(" year"):
			months += 12 * n
		case r.skip(" mons"), r.skip(" mon"):
			months += n
		case r.skip(" days"), r.skip(" day"):
			days += n
		default:
			r.bad = true
		}
		if len(r.rest) == 0 {
			break
		}
		r.must(" ")
	}
	ok := r.ended() && months == int64(int32(months)) && days == int64(int32(days))
	return appendInterval(dst, micros, int32(days), int32(months)), ok
}
