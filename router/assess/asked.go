package assess

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/keyway-go/keyway/internal/pgerr"
)

// answerTimeout is how long an answer is waited for. The server itself ends a question after half a minute; longer is the
// silence of a server that hangs, or of a network that swallows what is sent.
var answerTimeout = 40 * time.Second

// asked runs one question and says what was asked for when there is no answer in time.
func asked(ctx context.Context, what string, question func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	err := question(limited)
	pg, answered := errors.AsType[*pgconn.PgError](err)
	switch {
	case err == nil || ctx.Err() != nil:
		return err
	case answered && pg.Code == queryCanceled:
		return fmt.Errorf("the server needed too long for %s, or was told to stop; try again when it has less to do: %w", what, pgerr.Public(err))
	case limited.Err() != nil:
		return fmt.Errorf("the server has not answered for %s when asked for %s; it hangs, or the network does not reach it any more",
			answerTimeout, what)
	}
	return err
}
