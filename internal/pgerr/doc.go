// Package pgerr judges errors: what is known about the transaction in which they came, and what may be done next.
//
// The judgement depends on the error and on the phase. Before COMMIT is sent, a lost connection means that the server
// rolled back; after it, nobody knows. The rules are one table of data ([Rules]) from SQLSTATE or kind of error to a
// verdict for each phase, with the reason beside it, and a few lines of code for errors that are not the server's.
//
// The package imports pgx only, so that every layer can use it.
package pgerr
