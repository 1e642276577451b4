package bench

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/shard"
	"github.com/keyway-go/keyway/txn"
)

const (
	deposit = "update accounts set balance = balance + 1 where id = $1"
	look    = "select balance from accounts where id = $1"
	record  = "insert into history (id, delta) values ($1, 1)"
)

// BenchmarkTransaction is pgbench's simple-update transaction (five round trips): by hand with pgx.BeginFunc, and with
// InTx, which also routes and checks each statement. Both write to the same tables with the same triggers.
func BenchmarkTransaction(b *testing.B) {
	set, hand := open(b)
	byHand := func(ctx context.Context, id int64) error {
		return pgx.BeginFunc(ctx, hand.pool(id), func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, deposit, id); err != nil {
				return err
			}
			var balance int32
			if err := tx.QueryRow(ctx, look, id).Scan(&balance); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, record, id)
			return err
		})
	}
	inTx := func(ctx context.Context, id int64) error {
		return set.DB.InTx(ctx, shard.Int64(id), func(ctx context.Context, tx *txn.Tx) error {
			if _, err := tx.Exec(ctx, deposit, id); err != nil {
				return err
			}
			var balance int32
			if err := tx.QueryRow(ctx, look, id).Scan(&balance); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, record, id)
			return err
		})
	}
	for _, goroutines := range []int{16, 64} {
		b.Run(fmt.Sprintf("goroutines=%d", goroutines), func(b *testing.B) {
			for b.Loop() {
				compare(b, goroutines, byHand, inTx)
			}
		})
	}
}
