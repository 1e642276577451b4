package sqlparse

import "strings"

// unexpected refuses the next token.
func (p *parser) unexpected(expected string) {
	t := p.tok()
	failSyntax(t.Start, "unexpected "+describe(t)+"; expected "+expected)
}

// describe names a token without showing a literal's contents.
func describe(t *Token) string {
	switch t.Kind {
	case TokenEOF:
		return "end of the text"
	case TokenKeyword:
		return "keyword " + upper(t.Value)
	case TokenIdent, TokenQuoted:
		return `identifier "` + t.Value + `"`
	case TokenParam:
		return "parameter $" + t.Value
	case TokenInteger, TokenNumeric:
		return "number"
	case TokenString:
		return "string"
	case TokenBit:
		return "bit string"
	default:
		return `"` + t.Value + `"`
	}
}

func upper(s string) string { return strings.ToUpper(s) }

const (
	hintTx        = "run transactions with db.InTx"
	hintSession   = "it acts on a session, not on rows; run it on one shard with db.Shard(id)"
	hintMigration = "change the schema on every shard with a migration"
	hintShard     = "it is not a statement that can be routed; run it on one shard with db.Shard(id)"
)

// commands are the statements of PostgreSQL that are no DML, by their first word.
var commands = map[string]string{
	"abort": hintTx, "begin": hintTx, "commit": hintTx, "end": hintTx, "release": hintTx, "rollback": hintTx,
	"savepoint": hintTx, "start": hintTx,

	"alter": hintMigration, "comment": hintMigration, "create": hintMigration, "drop": hintMigration,
	"grant": hintMigration, "import": hintMigration, "reassign": hintMigration, "refresh": hintMigration,
	"revoke": hintMigration, "security": hintMigration,

	"close": hintSession, "deallocate": hintSession, "declare": hintSession, "discard": hintSession,
	"execute": hintSession, "fetch": hintSession, "load": hintSession, "lock": hintSession, "move": hintSession,
	"prepare": hintSession, "reset": hintSession, "set": hintSession, "show": hintSession,

	"listen": "listen on a connection of one shard's db.Shard(id).PgxPool", "notify": hintShard, "unlisten": hintShard,
	"copy":    "load rows with db.CopyFrom, or run it on one shard with db.Shard(id)",
	"explain": "see where a statement would go with db.Explain, or run it on one shard with db.Shard(id)",
	"analyze": hintShard, "analyse": hintShard, "call": hintShard, "checkpoint": hintShard, "cluster": hintShard,
	"do": hintShard, "reindex": hintShard, "truncate": hintShard, "vacuum": hintShard,
}

// refuseCommands refuses what is no DML by its first word. It comes before anything else is checked, so that the
// error names the command and not some detail of its syntax.
func (p *parser) refuseCommands() {
	t := p.tok()
	if t.Kind == TokenEOF {
		failSyntax(t.Start, "the text holds no statement")
	}
	if t.Kind != TokenKeyword {
		return
	}
	if hint, ok := commands[t.Value]; ok {
		failUnsupported(t.Start, "the command "+upper(t.Value), hint)
	}
}
