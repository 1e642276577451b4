// Package assess looks at any PostgreSQL database and says what sharding it would mean: which column would be the key,
// what each table would be, what stands in the way and what to do about it, and which of the statements that run today
// would route as they are.
//
// It reads the system catalogs and pg_stat_statements in one READ ONLY transaction and nothing else: no row of a user's
// table, no lock but those that reading a catalog takes. An ordinary role may run it, and the database needs nothing of
// this library. What the role may not see is said in the report, and the rest is done without it.
//
// Statements are judged by the planner of package router, against the kinds that the report proposes for the tables.
package assess
