// Package sqlparse reads one DML statement of PostgreSQL (SELECT, VALUES, TABLE, INSERT, UPDATE, DELETE, MERGE) into a
// tree with exact positions.
//
// It never guesses. What it accepts, PostgreSQL's own grammar accepts in some version from 15 to 18 and reads with the
// same structure; what it cannot judge, or what these versions read differently, is an *UnsupportedError, what none of
// them reads a *SyntaxError. Both say where, and neither shows the contents of a literal. Statements that are no DML
// are refused by name with the handle that serves them.
//
// The lexer is complete (PostgreSQL documentation, section 4.1, with standard_conforming_strings on and a UTF-8
// server): a quote, a comment or a dollar-quoted body can hide nothing. The grammar is what section "SQL Commands"
// documents for the five statements, with the functions of SQL/JSON and XML, except TREAT, SYSTEM_USER, SELECT INTO a
// temporary table, operator classes in ON CONFLICT, and names with a database in front.
//
// The tree keeps what a planner needs. What stays in the text is the frame of a window, the cursor of CURRENT
// OF, and the clauses of SQL/JSON and XML functions; their operands are in the tree, see [ClauseCall].
//
// Tables, columns and functions are not looked up, and no check that needs a catalog is made: SELECT a FROM t is
// accepted whatever t is.
//
// # Non-obvious
//
//   - A Span holds offsets into the original text, so a statement is edited by offset and the rest stays as written.
//     The span of a query or of a join in parentheses: see [Select] and [Join].
//   - Parentheses around an expression are kept as *Paren, and -1 is one literal, but -1::int is the negation of a cast,
//     as in PostgreSQL.
//   - Whether "(" opens a query is known before parsing: the lexer's list of tokens is complete, and one pass over it
//     pairs the parentheses.
//   - Operators that do not chain (a = b = c) are an error, but a postfix form ends the right side: a is null = b.
//   - Recursion, chains of operators and the length of the text are bounded; AND, OR and lists are flat.
package sqlparse
