// Package pgquery holds internal/sqlparse against libpg_query, which is PostgreSQL 17's own grammar as a library. Both
// read the same text, both trees are brought into one neutral form, and what sqlparse accepts libpg_query must accept
// and read the same: tables with their aliases, joins, common table expressions, every condition with its operands,
// targets and their names, GROUP BY, ORDER BY, LIMIT, set operations, the parts of INSERT, UPDATE, DELETE and MERGE,
// and the position of each name, constant and parameter.
//
// The neutral form is libpg_query's raw parse tree without what sqlparse leaves in the text: the frame of a window, the
// method of TABLESAMPLE, the clauses of SQL/JSON and XML constructors (their operands are compared).
//
// What libpg_query cannot judge is what PostgreSQL 18 added; see internal/sqlparse for the same texts against servers.
package pgquery
