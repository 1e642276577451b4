// Package observe reads what observe mode (router.Config.Observe) has written to the logs of any number of processes.
package observe

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/keyway-go/keyway/router"
)

// MaxObservations is how many observations a [Report] keeps apart, those that come first in the logs. A program that
// makes its statements up, and is started often, writes a thousand new ones each time.
const MaxObservations = 10_000

// Report is what the log lines say together. The zero value is ready to be read into.
type Report struct {
	// Observations are summed up by fingerprint and place; the rest is as the newest line says. Sort puts them in order.
	Observations []router.Observation `json:"observations"`

	Scatter   int64 `json:"scatter"`   // statements by verdict, of the observations and of those beyond
	Refused   int64 `json:"refused"`   //
	Beyond    int64 `json:"beyond"`    // of both, those that are not among the first MaxObservations
	NotKept   int64 `json:"not_kept"`  // statements that processes counted without keeping them apart
	Lines     int64 `json:"lines"`     // of observe mode, that were read
	Malformed int64 `json:"malformed"` // of observe mode, that could not be read

	at map[place]int // index into Observations
}

type place struct{ fingerprint, site string }

// maxLine is the longest line that is read, in bytes. One of observe mode has 6 kB at most.
const maxLine = 1 << 20

// Read adds the lines of a log. Lines that are not of observe mode are passed by. What stands before the first brace of a
// line, as some collectors write it, is passed by too, and so is the record that they wrap around a line. An error is one
// of reading; what came before it counts.
func (r *Report) Read(in io.Reader) error {
	lines := bufio.NewReaderSize(in, maxLine)
	for {
		line, err := lines.ReadSlice('\n')
		switch {
		case !isOurs(line):
		case errors.Is(err, bufio.ErrBufferFull):
			r.Malformed++
		default:
			r.add(line)
		}
		for errors.Is(err, bufio.ErrBufferFull) { // the rest of a line that is too long
			_, err = lines.ReadSlice('\n')
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Sort puts the observations in order, most often seen first.
func (r *Report) Sort() {
	slices.SortFunc(r.Observations, func(a, b router.Observation) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Fingerprint, b.Fingerprint), cmp.Compare(a.Site, b.Site))
	})
	clear(r.at)
	for i, o := range r.Observations {
		r.at[place{o.Fingerprint, o.Site}] = i
	}
}

func isOurs(line []byte) bool {
	return bytes.Contains(line, []byte(router.ObservedMessage)) || bytes.Contains(line, []byte(router.NotKeptMessage))
}

// add reads a line that has one of the messages in it.
func (r *Report) add(line []byte) {
	var record map[string]any
	_, object, found := bytes.Cut(line, []byte("{"))
	if !found || json.Unmarshal(append([]byte("{"), object...), &record) != nil {
		r.Malformed++
		return
	}
	record, message := unwrapped(record, wrappings)
	if message == "" {
		return // it quotes us
	}
	var e event
	text, err := json.Marshal(attributes(record, wrappings))
	if err != nil || json.Unmarshal(text, &e) != nil || !e.valid(message) {
		r.Malformed++
		return
	}
	r.Lines++
	if message == router.NotKeptMessage {
		r.NotKept += e.Count
		return
	}
	e.Last = timeOf(record)
	r.sum(e.Observation)
}

// wrappings is how deep a record or a group of attributes may be inside of others.
const wrappings = 3

// unwrapped is the record whose message is one of ours: this one, or one that it has as the text of a field.
func unwrapped(record map[string]any, depth int) (inner map[string]any, message string) {
	for _, field := range []string{"msg", "message"} {
		if m, _ := record[field].(string); m == router.ObservedMessage || m == router.NotKeptMessage {
			return record, m
		}
	}
	if depth == 0 {
		return nil, ""
	}
	for _, v := range record {
		text, ok := v.(string)
		if !ok || !strings.HasPrefix(text, "{") {
			continue
		}
		var next map[string]any
		if json.Unmarshal([]byte(text), &next) == nil {
			if inner, message = unwrapped(next, depth-1); message != "" {
				return inner, message
			}
		}
	}
	return nil, ""
}

// attributes is the record itself, or the group of it that has the attributes.
func attributes(record map[string]any, depth int) map[string]any {
	if _, ok := record["count"]; ok || depth == 0 {
		return record
	}
	for _, v := range record {
		if group, ok := v.(map[string]any); ok {
			if found := attributes(group, depth-1); found["count"] != nil {
				return found
			}
		}
	}
	return record
}

type event struct{ router.Observation }

func (e *event) valid(message string) bool {
	if e.Count <= 0 {
		return false
	}
	return message == router.NotKeptMessage ||
		e.Fingerprint != "" && e.Site != "" && (e.Verdict == router.WouldScatter || e.Verdict == router.WouldBeRefused)
}

// timeOf is when the line was written; zero when it does not say so.
func timeOf(record map[string]any) time.Time {
	for _, field := range []string{"time", "timestamp", "ts"} {
		if s, ok := record[field].(string); ok {
			if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
				return t
			}
		}
	}
	return time.Time{}
}

func (r *Report) sum(o router.Observation) {
	o.First = o.Last
	if o.Verdict == router.WouldScatter {
		r.Scatter += o.Count
	} else {
		r.Refused += o.Count
	}
	if r.at == nil {
		r.at = map[place]int{}
	}
	at := place{o.Fingerprint, o.Site}
	i, known := r.at[at]
	switch {
	case known:
	case len(r.Observations) >= MaxObservations:
		r.Beyond += o.Count
		return
	default:
		r.at[at] = len(r.Observations)
		r.Observations = append(r.Observations, o)
		return
	}
	x := &r.Observations[i]
	o.Count += x.Count
	o.First = earlier(x.First, o.First)
	if o.Last.Before(x.Last) {
		o.Last, o.Verdict, o.Reason, o.Hint = x.Last, x.Verdict, x.Reason, x.Hint
	}
	*x = o
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
