package txn

import "github.com/jackc/pgx/v5"

// openRows are a query's rows, which know the connection too.
type openRows struct {
	pgx.Rows
	state *state
}

// Conn is as [Tx.Conn]: what runs on it unread is discarded before others get the connection. It is nil after the
// transaction's function has returned.
func (r *openRows) Conn() *pgx.Conn {
	if r.state.ended.Load() {
		return nil
	}
	r.state.exposed.Store(true)
	return r.Rows.Conn()
}

// openBatch is a batch's results, whose rows know the connection.
type openBatch struct {
	pgx.BatchResults
	state *state
}

// Query implements pgx.BatchResults.
func (r *openBatch) Query() (pgx.Rows, error) {
	got, err := r.BatchResults.Query()
	return &openRows{Rows: got, state: r.state}, err
}
