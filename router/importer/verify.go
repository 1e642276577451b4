package importer

import (
	"bytes"
	"context"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/internal/pgerr"
	"github.com/keyway-go/keyway/shard"
)

// sum is what a table holds, whatever the order of its rows.
type sum struct {
	rows  int64
	total big.Int // of hashes of the rows' texts; duplicates count
}

// sumOf computes a sum on the server. Both sides hash the text of the same
// columns under the same settings.
func sumOf(ctx context.Context, conn *pgx.Conn, t *table) (s sum, err error) {
	var total string
	err = conn.QueryRow(ctx, fmt.Sprintf(`select count(*),
		coalesce(sum(pg_catalog.hashtextextended(row(%s)::text collate "C", 0)), 0)::text from %s`, t.list(), t.name.quoted())).
		Scan(&s.rows, &total)
	if err == nil {
		if _, ok := s.total.SetString(total, 10); !ok {
			err = fmt.Errorf("bug: %q is no sum", total)
		}
	}
	return s, err
}

// verifyAll compares every table inside the transactions that have filled it.
func (im *importation) verifyAll(ctx context.Context) error {
	if err := im.each(func(t *target) error {
		// As on the source: how names print (regclass) depends on it. User triggers,
		// which may need the real one, have run.
		_, err := t.conn.Exec(ctx, "set local search_path = pg_catalog")
		return err
	}); err != nil {
		return fmt.Errorf("import: verify: %w", pgerr.Public(err))
	}
	for _, t := range im.tables {
		started := time.Now()
		if err := im.verify(ctx, t); err != nil {
			return err
		}
		im.opts.Progress(Progress{Step: Verifying, Table: t.name.String(), Rows: t.report.Rows, Elapsed: time.Since(started), Done: true})
		im.report.Rows += t.report.Rows
		im.report.Tables = append(im.report.Tables, t.report)
	}
	return nil
}

func (im *importation) verify(ctx context.Context, t *table) error {
	sums := make([]sum, len(im.shards)+1) // the last is the source's
	errs := make([]error, len(sums))
	parallel(len(sums), func(i int) {
		if i == len(im.shards) {
			sums[i], errs[i] = sumOf(ctx, im.source.conn, t)
			return
		}
		if sums[i], errs[i] = sumOf(ctx, im.shards[i].conn, t); errs[i] == nil && t.target.Kind == catalog.Sharded {
			errs[i] = im.shards[i].places(ctx, t, im.slots)
		}
	})
	for i, err := range errs {
		if err != nil && i == len(im.shards) {
			return fmt.Errorf("import: verify %s: the source: %w", t.name, pgerr.Public(err))
		} else if err != nil {
			return fmt.Errorf("import: verify %s: shard %s: %w", t.name, im.shards[i].id, pgerr.Public(err))
		}
	}
	return im.compare(t, sums[:len(im.shards)], &sums[len(im.shards)])
}

func (im *importation) compare(t *table, shards []sum, source *sum) error {
	t.report.Table, t.report.Kind = t.name.String(), string(t.target.Kind)
	t.report.Checksum, t.report.Shards = source.total.String(), make(map[shard.ID]int64)
	var all sum
	for i := range shards {
		t.report.Shards[im.shards[i].id] = shards[i].rows
		if t.target.Kind == catalog.Reference {
			if err := same(t, source, &shards[i]); err != nil {
				return err
			}
			continue
		}
		all.rows += shards[i].rows
		all.total.Add(&all.total, &shards[i].total)
	}
	if t.target.Kind == catalog.Reference {
		return nil
	}
	return same(t, source, &all)
}

func same(t *table, source, shards *sum) error {
	if source.rows != shards.rows {
		return &VerifyError{Table: t.name.String(), What: "rows",
			Source: strconv.FormatInt(source.rows, 10), Shards: strconv.FormatInt(shards.rows, 10)}
	}
	if source.total.Cmp(&shards.total) != 0 {
		return &VerifyError{Table: t.name.String(), What: "checksum", Source: source.total.String(), Shards: shards.total.String()}
	}
	return nil
}

// places hashes every key of the shard's table again, here and not with the
// database's own function, and compares with where the row is and with its slot.
func (t *target) places(ctx context.Context, tab *table, slots *shard.Map) error {
	columns := make([]string, 0, len(tab.target.Key)+1)
	at := make([]int, len(tab.target.Key))
	for i, k := range tab.target.Key {
		columns, at[i] = append(columns, pgx.Identifier{k.Name}.Sanitize()), i
	}
	if tab.addSlot {
		columns = append(columns, slotColumn)
	}
	check := &placeChecker{keys: newKeyReader(tab.target.Key, at), slots: slots, shard: t.id, hasSlot: tab.addSlot}
	sql := "copy (select " + strings.Join(columns, ", ") + " from " + tab.name.quoted() + ") to stdout"
	if _, err := t.conn.PgConn().CopyTo(ctx, check, sql); err != nil {
		return err
	}
	if check.wrong > 0 {
		return &VerifyError{Table: tab.name.String(), What: "place of rows", Source: "every row on the shard of its key",
			Shards: fmt.Sprintf("%d rows on %s that belong elsewhere", check.wrong, t.id)}
	}
	return nil
}

type placeChecker struct {
	keys    *keyReader
	slots   *shard.Map
	shard   shard.ID
	hasSlot bool
	wrong   int64
}

// Write implements io.Writer for one row of COPY.
func (c *placeChecker) Write(line []byte) (int, error) {
	key, err := c.keys.key(line)
	if err != nil {
		return 0, err
	}
	slot := key.Slot()
	right := c.slots.Owns(c.shard, slot)
	if c.hasSlot {
		text := bytes.TrimSuffix(line[bytes.LastIndexByte(line, '\t')+1:], []byte("\n"))
		right = right && string(text) == strconv.Itoa(int(slot))
	}
	if !right {
		c.wrong++
	}
	return len(line), nil
}
