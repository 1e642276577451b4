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
//     the query around may not use those of a subquery, except through a bare output column of a derived table or CTE;
//   - an equality enters a derived table only through a bare output column, and only where filtering before or after
//     the derived table is the same.
//
// A NULL never equals anything, so a column that is null-extended by an outer join still obeys every equality that
// mentions it. What the package cannot judge is refused; nothing is ever sent to a default shard.
//
// The package assumes what the router's connections guarantee: search_path is the one schema given to Build with
// pg_catalog before it and pg_temp after it, standard_conforming_strings is on, and the schema has no operators or
// functions of its own under the names of pg_catalog's.
package plan
