package plan

import (
	"github.com/keyway-go/keyway/internal/catalog"
	"github.com/keyway-go/keyway/shard"
)

type occurrence struct{}
type row struct{}
type extra struct{}
type fast struct{}

// Bind gives a plan its arguments.
func (p *Plan) Bind(args []any, scope shard.Key) (Binding, error) {
	return Binding{Target: p.Target, Args: args}, nil
}

func build(text string, reg *catalog.Registry, schema string, scope Scope) (*Plan, error) {
	return nil, &Refusal{Reason: Unsupported, Detail: "statements are not read yet", Offset: -1}
}
