// Package quickstart is a repository layer as a service would write one over Keyway: typed reads, routed writes and
// a transaction, on pgbench's own tables. Nothing in it says which shard a row lives on.
package quickstart

import (
	"context"
	"embed"
	"fmt"
	"time"

	sq "github.com/Masterminds/squirrel"

	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
	"github.com/keyway-go/keyway/txn"
)

// Migrations are the schema: pgbench's tables, registered with Keyway.
//
//go:embed migrations/*.sql
var Migrations embed.FS

// Account is a row of pgbench_accounts.
type Account struct {
	ID      int32 `db:"aid"`
	Branch  int32 `db:"bid"`
	Balance int32 `db:"abalance"`
}

// Entry is a row of pgbench_history: one posting to an account.
type Entry struct {
	Teller  int32     `db:"tid"`
	Branch  int32     `db:"bid"`
	Account int32     `db:"aid"`
	Delta   int32     `db:"delta"`
	At      time.Time `db:"mtime"`
}

// Posting is a request to move Delta onto an account.
type Posting struct {
	Account, Teller, Branch, Delta int32
}

// Accounts reads and writes accounts and their history.
type Accounts struct{ db *router.DB }

// NewAccounts returns the repository over db.
func NewAccounts(db *router.DB) *Accounts { return &Accounts{db: db} }

// Get returns one account, or [router.ErrNoRows].
func (a *Accounts) Get(ctx context.Context, id int32) (Account, error) {
	return router.Get[Account](ctx, a.db, router.SQL.
		Select("aid", "bid", "abalance").From("pgbench_accounts").Where(sq.Eq{"aid": id}))
}

// History returns the latest postings of an account, newest first.
func (a *Accounts) History(ctx context.Context, id int32, limit uint64) ([]Entry, error) {
	return router.Select[Entry](ctx, a.db, router.SQL.
		Select("tid", "bid", "aid", "delta", "mtime").From("pgbench_history").
		Where(sq.Eq{"aid": id}).OrderBy("mtime desc").Limit(limit))
}

// Rename sets an account's filler text: a plain routed write.
func (a *Accounts) Rename(ctx context.Context, id int32, filler string) error {
	tag, err := a.db.Exec(ctx, "update pgbench_accounts set filler = $1 where aid = $2", filler, id)
	if err != nil {
		return err
	}
	if tag.RowsAffected() != 1 {
		return fmt.Errorf("account %d: %w", id, router.ErrNoRows)
	}
	return nil
}

// Post is pgbench's simple-update transaction (the -N script): it changes the balance, reads it back and writes the
// history row, all or nothing, on the one shard that owns the account. It returns the new balance.
func (a *Accounts) Post(ctx context.Context, p Posting) (balance int32, err error) {
	err = a.db.InTx(ctx, shard.Int64(int64(p.Account)), func(ctx context.Context, tx *txn.Tx) error {
		if _, err := tx.Exec(ctx,
			"update pgbench_accounts set abalance = abalance + $1 where aid = $2", p.Delta, p.Account); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx,
			"select abalance from pgbench_accounts where aid = $1", p.Account).Scan(&balance); err != nil {
			return err
		}
		_, err := tx.Exec(ctx,
			`insert into pgbench_history (tid, bid, aid, delta, mtime) values ($1, $2, $3, $4, current_timestamp)`,
			p.Teller, p.Branch, p.Account, p.Delta)
		return err
	}, txn.Options{Rerunnable: true})
	return balance, err
}
