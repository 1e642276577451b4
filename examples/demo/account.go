package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/keyway-go/keyway/router"
)

// account counts everything at the end and fails when anything is not as it must be.
func (s *story) account(ctx context.Context, db *router.DB, seen *sampler, first, second outcome) error {
	all := first
	all.add(second)
	s.say("\n%s postings acknowledged, %s reads, %s writes; %d retries; %d in doubt; %d reported as not done",
		thousands(int64(len(all.acked))), thousands(int64(all.reads)), thousands(int64(all.writes)),
		retries(db), len(all.inDoubt), len(all.failed))
	for _, err := range firstOfEach(second.failed) {
		s.say("  e.g. %v", err)
	}

	s.chapter("Counting, with plain SQL past the library")
	peak, samples := seen.close()
	return errors.Join(s.countShards(ctx, db, peak, samples), s.auditLedger(ctx, all), mustServe(first, second))
}

// countShards prints a line for each shard, and checks the sums, the placement and the budget.
func (s *story) countShards(ctx context.Context, db *router.DB, peak, samples []int) error {
	var (
		rows  [][]string
		total sums
		wrong int64
		errs  []error
		most  int
	)
	share := db.Stat().Budget[0].Budget.Connections
	for i, dsn := range s.servers.superDSNs() {
		one, err := readSums(ctx, dsn)
		if err != nil {
			return err
		}
		_, stray, err := strays(ctx, dsn, shardID(i), db)
		if err != nil {
			return err
		}
		total.add(one)
		wrong += stray
		most += peak[i]
		if peak[i] > share {
			errs = append(errs, fmt.Errorf("%s had %d backends; its share of the budget is %d", shardID(i), peak[i], share))
		}
		rows = append(rows, []string{
			string(shardID(i)), thousands(one.accounts), thousands(one.entries), thousands(one.balances), thousands(one.deltas),
			strconv.FormatInt(stray, 10), fmt.Sprintf("%d of %d", peak[i], share), thousands(int64(samples[i])),
		})
		if one.balances != one.deltas {
			errs = append(errs, fmt.Errorf("%s: balances %d, but the history's deltas add up to %d", shardID(i), one.balances, one.deltas))
		}
	}
	rows = append(rows, []string{
		"all", thousands(total.accounts), thousands(total.entries), thousands(total.balances), thousands(total.deltas),
		strconv.FormatInt(wrong, 10), fmt.Sprintf("%d of %d", most, budget), "",
	})
	s.table([]string{"shard", "accounts", "history", "balances", "deltas", "misplaced", "most backends", "samples"}, rows)
	if total.accounts != s.imported.accounts {
		errs = append(errs, fmt.Errorf("%d accounts were imported, %d are there", s.imported.accounts, total.accounts))
	}
	if wrong != 0 {
		errs = append(errs, fmt.Errorf("%d rows are not on the shard that their key says", wrong))
	}
	if len(errs) == 0 {
		s.say("\nOn each shard and in all, the balances equal the deltas in the history; no row is misplaced;")
		s.say("no server ever had more backends than its share of the budget.")
	}
	return errors.Join(errs...)
}

// auditLedger compares the history with what the callers were told, posting by posting.
func (s *story) auditLedger(ctx context.Context, all outcome) error {
	stored := newLedger()
	for _, dsn := range s.servers.superDSNs() {
		if err := stored.readLedger(ctx, dsn); err != nil {
			return err
		}
	}
	lost, unexplained, committed := audit(stored, s.before, newLedger(all.acked), newLedger(all.inDoubt))
	if lost != 0 || unexplained != 0 {
		return fmt.Errorf("%d acknowledged postings are lost, %d postings are there that nobody was told of", lost, unexplained)
	}
	s.say("All %s acknowledged postings are in the history, each once; nothing is there that was reported as not done.",
		thousands(int64(len(all.acked))))
	if len(all.inDoubt) > 0 {
		s.say("Of %d postings in doubt (the server died before its reply to COMMIT), %d had committed.", len(all.inDoubt), committed)
	}
	return nil
}

// firstOfEach returns one error of each text, a few at most.
func firstOfEach(errs []error) []error {
	var few []error
	seen := make(map[string]bool)
	for _, err := range errs {
		if !seen[err.Error()] && len(few) < 3 {
			seen[err.Error()] = true
			few = append(few, err)
		}
	}
	return few
}

// retries is how many attempts of transactions were repeated.
func retries(db *router.DB) (n int64) {
	for _, count := range db.Stat().Txn.Retries {
		n += count
	}
	return n
}

// mustServe fails the demo when nothing was served, or when anything failed while all servers were up.
func mustServe(steady, killed outcome) error {
	switch {
	case len(steady.acked) == 0 || len(killed.acked) == 0:
		return errors.New("no posting was acknowledged")
	case len(steady.failed)+len(steady.inDoubt) > 0:
		return fmt.Errorf("%d postings failed while every server was up, the first: %w",
			len(steady.failed)+len(steady.inDoubt), errors.Join(firstOfEach(steady.failed)...))
	}
	return nil
}

// comparison shows the service's rate beside pgbench's.
func (s *story) comparison(o *outcome) {
	var rows [][]string
	if s.pgbenchTPS > 0 {
		rows = append(rows, []string{"pgbench -N, one server", fmt.Sprintf("%.0f", s.pgbenchTPS), strconv.Itoa(callers), "", "", "", ""})
	}
	rows = append(rows, []string{
		"the repository, four servers", fmt.Sprintf("%.0f", o.perSecond()), strconv.Itoa(budget),
		o.percentile(50).String(), o.percentile(95).String(), o.percentile(99).String(), strconv.Itoa(len(o.failed)),
	})
	s.table([]string{"", "per second", "connections", "p50", "p95", "p99", "errors"}, rows)
}
