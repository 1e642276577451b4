// Package merge brings the rows of a statement that ran on several shards together, so that the result is one that a
// single server with all the rows could give.
//
// The planner splits a statement into one for each shard and a way to finish, and the caller opens the connections; this
// package knows neither. It reads [Input]s, each on a goroutine of its own that runs a bounded number of bytes ahead, and
// gives out a [pgx.Rows]. The first failure ends the whole and says on which shard it was; a filled limit ends it too.
// Either way what still runs is asked to stop, and every connection has been given back, fit for others, when the rows
// are closed.
//
// # Ways to finish
//
// In rising cost:
//
//   - [Concat] gives out rows as they come, for statements without ORDER BY.
//   - [Ordered] merges sorted inputs. Each row becomes a key, bytes that compare as the server compares the sort columns,
//     made from nothing but those columns; memory is proportional to the number of inputs. Columns that are only there to
//     sort by are hidden.
//   - [Fold] puts partial aggregates without GROUP BY together, where that is plain: counts, sums of integers and
//     numerics, extremes, and logic.
//   - [Collect] holds partial rows in memory under a budget, and [Collected.Finish] lets one server compute the rest of
//     the statement over them: groups, HAVING, DISTINCT, averages, expressions, any collation.
//
// The first three never imitate what they cannot follow exactly: [ErrNotOrderable] and [ErrNotFoldable] name the columns,
// before a row was given out, and [CheckOrder] and [CheckFold] do so before the statement runs. The last one imitates
// nothing.
//
// # Keys
//
// Every type's encoder writes bytes whose order is the type's order and of which none begins another, so a row's key is
// the encodings one after another: a marker for NULL, and all bits turned round for DESC. Values that are equal for the
// server have one key, however they print (1.0 and 1.00, one month and thirty days). The tests hold every type against
// a server's own dense_rank, in both formats.
//
// # What the caller guarantees
//
//   - Inputs of [Ordered] are sorted by their servers as the order says, with LIMIT and OFFSET pushed down as their sum
//     (WITH TIES as it is). A row that appears on two shards counts twice here: the statement has to exclude that.
//   - The sessions agree on [Settings].
//   - Where limits of connections are smaller than the number of inputs, [Options.Wave] says how many may be open at once.
//
// [pgx.Rows]: https://pkg.go.dev/github.com/jackc/pgx/v5#Rows
package merge
