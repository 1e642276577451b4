package txn_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/pool"
	"github.com/keyway-go/keyway/txn"
)

// database is a source with one place for everything; the router's finds the shard of a key.
type database struct{ db *pool.Database }

func (d database) Begin(ctx context.Context, _ int) (txn.Attempt, error) {
	conn, err := d.db.Acquire(ctx)
	return txn.Attempt{Conn: conn, Shard: "s0", MapVersion: 1}, err
}

// A transfer between two accounts of one shard. A deadlock or a serialization failure runs the function again.
func ExampleRunner_Run() {
	var db *pool.Database // of pool.Instance.Database
	if db == nil {
		return // there is no server in an example
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	runner := txn.NewRunner(txn.RunnerConfig{})
	err := runner.Run(ctx, database{db}, txn.Options{Iso: pgx.Serializable}, func(ctx context.Context, tx *txn.Tx) error {
		if _, err := tx.Exec(ctx, "update account set n = n - 1 where id = $1", 1); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "update account set n = n + 1 where id = $1", 2)
		return err
	})
	fmt.Println(err)
	// Output:
}

// When the reply to COMMIT is lost, nobody but the database knows. Look for the effect before repeating anything.
func ExampleInDoubtError() {
	commit := func() error {
		return &txn.InDoubtError{Shard: "s1", Attempt: 1, Err: errors.New("unexpected EOF")}
	}
	err := commit()

	var inDoubt *txn.InDoubtError
	switch {
	case errors.As(err, &inDoubt):
		fmt.Println("look on shard", inDoubt.Shard, "whether the order is there")
	case err != nil:
		fmt.Println("nothing was committed:", err)
	}
	// Output: look on shard s1 whether the order is there
}

// A part that may fail without the whole failing is a savepoint.
func ExampleTx_Begin() {
	_ = func(ctx context.Context, tx *txn.Tx) error {
		err := pgx.BeginFunc(ctx, tx, func(sp pgx.Tx) error {
			_, err := sp.Exec(ctx, "insert into tag (name) values ($1)", "new")
			return err
		})
		if err != nil {
			fmt.Println("the tag is there already:", err)
		}
		_, err = tx.Exec(ctx, "update article set tagged = true where id = $1", 7)
		return err
	}
	// Output:
}
