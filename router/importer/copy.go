package importer

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/pgerr"
)

const (
	chunkSize  = 64 << 10 // bytes handed to a shard at once
	chunkQueue = 2        // chunks that may wait for a shard
	tellEvery  = 250 * time.Millisecond
)

func (im *importation) copyAll(ctx context.Context) error {
	for _, t := range im.tables {
		if err := im.copyTable(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// copyTable is one COPY out of the source and one into each shard, all at once.
// Memory is bounded by chunks: a shard that is behind slows the source.
func (im *importation) copyTable(ctx context.Context, t *table) error {
	// The streams end by abort, which lets their COPY fail in order and keeps the
	// connection, and not by ctx, which would cut it.
	abort, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	s := &splitter{im: im, table: t, abort: abort, started: time.Now(), streams: map[*target]*stream{}}
	if t.target.Kind == catalog.Sharded {
		s.keys = newKeyReader(t.target.Key, t.keyAt)
	}
	var running sync.WaitGroup
	for _, at := range im.shards {
		if t.target.Kind == catalog.Home && at.id != t.target.Home {
			continue
		}
		st := &stream{abort: abort, chunks: make(chan []byte, chunkQueue)}
		s.streams[at] = st
		running.Go(func() {
			if _, err := at.conn.PgConn().CopyFrom(ctx, st, t.copyIn()); err != nil {
				stop(fmt.Errorf("import: table %s: shard %s: %w", t.name, at.id, pgerr.Public(err)))
			}
		})
	}
	_, err := im.source.conn.PgConn().CopyTo(ctx, s, t.copyOut())
	if err != nil && abort.Err() == nil {
		stop(fmt.Errorf("import: table %s: the source: %w", t.name, pgerr.Public(err)))
	}
	for _, st := range s.streams {
		st.flush()
		close(st.chunks)
	}
	running.Wait()
	if abort.Err() != nil {
		return context.Cause(abort)
	}
	t.report.Rows, t.report.CopyTook = s.rows, time.Since(s.started)
	s.tell(true)
	return nil
}

// splitter receives the source's COPY, one row for each Write as the protocol
// promises, and gives the row to the shard of its key.
type splitter struct {
	im      *importation
	table   *table
	abort   context.Context
	keys    *keyReader // nil unless the table is sharded
	streams map[*target]*stream

	rows, bytes   int64
	started, told time.Time
	line          []byte
}

// Write implements io.Writer.
func (s *splitter) Write(line []byte) (int, error) {
	if err := s.abort.Err(); err != nil {
		return 0, err
	}
	if s.keys == nil {
		for _, st := range s.streams { // all shards for a reference table, one for a home table
			st.add(line)
		}
	} else if err := s.place(line); err != nil {
		return 0, fmt.Errorf("row %d: %w", s.rows+1, err)
	}
	s.rows++
	s.bytes += int64(len(line))
	if s.rows%1024 == 0 && time.Since(s.told) > tellEvery {
		s.tell(false)
	}
	return len(line), nil
}

func (s *splitter) place(line []byte) error {
	key, err := s.keys.key(line)
	if err != nil {
		return err
	}
	slot := key.Slot()
	id, ok := s.im.slots.Shard(slot)
	if !ok {
		return fmt.Errorf("slot %d has no shard in map version %d", slot, s.im.slots.Version())
	}
	st := s.streams[s.im.shard(id)]
	if st == nil {
		return fmt.Errorf("slot %d is on shard %s, which the configuration does not have", slot, id)
	}
	if !s.table.addSlot {
		st.add(line)
		return nil
	}
	s.line = append(s.line[:0], line[:len(line)-1]...)
	s.line = append(s.line, '\t')
	s.line = strconv.AppendInt(s.line, int64(slot), 10)
	s.line = append(s.line, '\n')
	st.add(s.line)
	return nil
}

func (s *splitter) tell(done bool) {
	s.told = time.Now()
	s.im.opts.Progress(Progress{Step: Copying, Table: s.table.name.String(), Rows: s.rows, Bytes: s.bytes,
		Elapsed: time.Since(s.started), Done: done})
}

// stream is the COPY into one shard. The splitter's goroutine adds; the shard's
// reads.
type stream struct {
	abort  context.Context
	chunks chan []byte
	filled []byte // the splitter's
	now    []byte // the reader's
}

func (st *stream) add(line []byte) {
	if st.filled == nil {
		st.filled = make([]byte, 0, chunkSize+len(line))
	}
	st.filled = append(st.filled, line...)
	if len(st.filled) >= chunkSize {
		st.flush()
	}
}

// flush waits while the shard is behind. After an abort it drops the rows.
func (st *stream) flush() {
	if len(st.filled) == 0 {
		return
	}
	select {
	case st.chunks <- st.filled:
	case <-st.abort.Done():
	}
	st.filled = nil
}

// Read implements io.Reader for COPY FROM STDIN. An error makes it fail on the server.
func (st *stream) Read(p []byte) (int, error) {
	for len(st.now) == 0 {
		select {
		case <-st.abort.Done():
			return 0, context.Cause(st.abort)
		case chunk, ok := <-st.chunks:
			if !ok {
				if st.abort.Err() != nil { // closed because of the abort: what was sent must not count
					return 0, context.Cause(st.abort)
				}
				return 0, io.EOF
			}
			st.now = chunk
		}
	}
	n := copy(p, st.now)
	st.now = st.now[n:]
	return n, nil
}
