package main

import (
	"errors"

	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/migrate"
	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/router/importer"
	"github.com/keyway-go/keyway/shard"
)

// The exit codes. They are part of the interface and printed in the help.
const (
	exitOK      = 0
	exitFailed  = 1
	exitUsage   = 2
	exitRefused = 3
	exitPartial = 4
)

const exitCodes = `exit codes:
  0  done
  1  failed: a server, the network, the context; nothing was changed unless the message says so
  2  the command line is wrong
  3  refused, or found: a statement without a key, a changed migration, a configuration with faults,
     findings of the doctor; nothing was changed
  4  partial: done on some shards and not on others; the message says where, and most commands go on
     when they are run again
`

// kinds are the names of the exit codes in JSON.
var kinds = map[int]string{exitFailed: "failed", exitUsage: "usage", exitRefused: "refused", exitPartial: "partial"}

// exitError chooses the exit code of an error.
type exitError struct {
	code  int
	err   error
	quiet bool // everything is printed already
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// errQuietUsage ends a command whose help has been printed.
var errQuietUsage = &exitError{code: exitUsage, err: errors.New("a command is missing; see keyway help"), quiet: true}

func refused(err error) error { return &exitError{code: exitRefused, err: err} }

// findings ends a command that has printed what it found.
func findings(sentence string) error {
	return &exitError{code: exitRefused, err: errors.New(sentence), quiet: true}
}

// exitCode maps the errors of the packages to codes.
func exitCode(err error) int {
	var chosen *exitError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &chosen):
		return chosen.code
	case partial(err):
		return exitPartial
	case refusal(err):
		return exitRefused
	}
	return exitFailed
}

func partial(err error) bool {
	if p, ok := errors.AsType[*migrate.PartialError](err); ok {
		for _, r := range p.Applied {
			if len(r.Files) > 0 {
				return true
			}
		}
		return false
	}
	return as[*importer.PartialError](err)
}

func refusal(err error) bool {
	return as[*router.RefusedError](err) || as[*router.MultiShardError](err) || as[*router.IdentityError](err) ||
		as[*migrate.DriftError](err) || as[*migrate.InvalidFileError](err) || as[*importer.RefusedError](err) ||
		as[*importer.VerifyError](err) || as[*shard.KeyError](err) || as[*catalog.IdentityError](err) ||
		as[*catalog.ServerVersionError](err) || as[*catalog.NewerError](err) || as[*catalog.DriftError](err)
}

func as[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}
