// Package plan decides on which shard a statement runs.
//
// [Build] reads a statement's text against a snapshot of the registry and returns a [Plan], or a [*Refusal] that says
// what could not be judged and what to write instead. [Plan.Bind] then takes the arguments and gives the key. A plan is
// immutable and does no I/O; [Cache] keeps plans by text.
//
// # The rule
//
// A statement is for one shard when every occurrence of a sharded table in it is pinned to the same key value k: when
// the rows of that occurrence with another key cannot change the statement's result. The package proves this from
// equalities that PostgreSQL itself must apply, and from nothing else:
//
//   - the operands of AND at the top of WHERE and of the ON of inner joins (and USING, NATURAL) hold for every row that
//     survives; the ON of LEFT and RIGHT holds for the rows of the nullable side that are joined, and says nothing of
//     the preserved side; the ON of FULL says nothing;
//   - an equality is "=" of pg_catalog between key columns, columns of the same family of types, parameters and
//     constants, without COLLATE and without a cast that could change the value;
//   - a subquery may use the equalities of the query around it, since rows that these exclude cannot be in the result;
//     the query around may not use those of a subquery, except through a bare output column of a derived table or CTE, or
//     of a query that what is IN it equals one of;
//   - a list of rows proves of each column that it is in the column's list, and of several columns that are met on one row
//     of the list that their values are of one; a CTE that is named twice has two rows. Columns of a key that are in lists
//     otherwise may be of any combination;
//   - IS NOT DISTINCT FROM is an equality only beside a parameter or constant, which Bind keeps from being NULL; between
//     columns it holds for NULLs that an outer join made;
//   - an output that is a parameter or constant of a known type is that value on every row, in SELECT and in VALUES;
//   - an equality enters a derived table only through a bare output column, and only where filtering before or after
//     the derived table is the same;
//   - each arm of a recursion is pinned by itself. A column of it is what its first arm proves, if its second arm proves
//     the same when it is supposed of the rows that it reads;
//   - a statement that writes in WITH is an occurrence like any other. Of what it returns, a key is what was proven of
//     it; other columns of a row that was inserted or updated are not, since they are returned as they were stored;
//   - MERGE is the outer join source LEFT JOIN target: its ON pins the target and never the source. WHEN NOT MATCHED BY
//     SOURCE is about the target's rows that ON is false for, which only its own condition can pin. The key of a row
//     that it inserts is a parameter, a constant, or a column that the source pins.
//
// TABLESAMPLE passes: chance decides which rows are in a sample, so any rows of a key may be those that one server would
// give. With REPEATABLE it is refused. A name f.x of a query or function f in FROM that may have no column x is refused
// too, because PostgreSQL would call the function x.
//
// A NULL never equals anything, so a column that is null-extended by an outer join still obeys every equality that
// mentions it. What the package cannot judge is refused; nothing is ever sent to a default shard.
//
// The package assumes what the router's connections guarantee: search_path is the one schema given to Build with
// pg_catalog before it and pg_temp after it, standard_conforming_strings is on, and the schema has no operators or
// functions of its own under the names of pg_catalog's.
package plan
