package plan

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Rewrite replaces pgx.NamedArgs and pgx.StrictNamedArgs by positional arguments, as pgx would when it sends the
// statement; it comes before planning, because a key may be among them. Anything else is returned as it is, but for
// other rewriters, which are refused: they may need the connection, and that is chosen by the plan.
func Rewrite(ctx context.Context, text string, args []any) (string, []any, error) {
	at := optionsOf(args)
	if at == len(args) {
		return text, args, nil
	}
	switch args[at].(type) {
	case pgx.NamedArgs, pgx.StrictNamedArgs:
	case pgx.QueryRewriter:
		return "", nil, refuse(Arguments, -1, "a QueryRewriter of this type is not known; it may need the connection",
			"rewrite the statement before, or use pgx.NamedArgs")
	default:
		return text, args, nil
	}
	rewritten, positional, err := args[at].(pgx.QueryRewriter).RewriteQuery(ctx, nil, text, args[at+1:])
	if err != nil {
		return "", nil, &Refusal{Reason: Arguments, Detail: "the named arguments do not fit: " + err.Error(), Offset: -1}
	}
	return rewritten, append(args[:at:at], positional...), nil
}

// optionsOf counts the options of pgx before the first argument.
func optionsOf(args []any) int {
	for i, a := range args {
		switch a.(type) {
		case pgx.QueryExecMode, pgx.QueryResultFormats, pgx.QueryResultFormatsByOID:
		default:
			return i
		}
	}
	return len(args)
}
