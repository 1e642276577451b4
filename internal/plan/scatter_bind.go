package plan

import (
	"errors"
	"math"
	"slices"
	"time"

	"github.com/keyway-go/keyway/shard"
)

// ScatterBinding is a scatter plan with arguments.
type ScatterBinding struct {
	// One is set when the plan's One is: the whole statement for one shard. Unless its target is ToKeyList, that is all.
	// With ToKeyList it holds when all Keys are on one shard; otherwise the rest of the binding does, unless Several says
	// why not.
	One     *Binding
	Several error

	// Few says that only the shards of Keys have rows of the result. When there are no keys, ask any one shard.
	Few  bool
	Keys []shard.Key

	// Limit and Offset count rows of the result. Limit is -1 without one.
	Limit, Offset int64

	// Cut is how many rows a shard is asked for instead of those that it may have of the result; 0 for all. See CutTo.
	Cut int64

	plan *Scatter
	args []any // without pgx's options
}

// Bind gives the plan its arguments, which may begin with options of pgx as those of [Plan.Bind] may. The errors are
// those of [Plan.Bind].
func (s *Scatter) Bind(args []any) (*ScatterBinding, error) { return s.BindOne(args, nil) }

// BindOne is Bind for who has the binding of the same text with these arguments by [Plan.Bind], unscoped and by the same
// registry; nil is none.
func (s *Scatter) BindOne(args []any, one *Binding) (*ScatterBinding, error) {
	count := Plan{Params: s.Params}
	options, err := count.checkArguments(args)
	if err != nil {
		return nil, err
	}
	sb := &ScatterBinding{plan: s, Several: s.several, Limit: -1}
	if s.One != nil {
		if one == nil {
			b, err := s.One.Bind(args, shard.Key{})
			if err != nil && s.several == nil && s.mayAskAll(err) {
				sb.args = args[options:]
				return sb, sb.bounds()
			}
			if err != nil {
				return nil, err
			}
			one = &b
		}
		sb.One = one
		sb.Few, sb.Keys = one.Target == ToKeyList, one.Keys
		if one.Target != ToKeyList || s.several != nil {
			return sb, nil
		}
	}
	if s.sameList {
		sb.args = sb.One.Args[options:]
	} else if err := sb.keys(args, options); s.mayAskAll(err) {
		sb.One, sb.Few, sb.Keys, sb.args = nil, false, nil, args[options:]
	} else if err != nil {
		return nil, err
	}
	return sb, sb.bounds()
}

// mayAskAll reports whether the error says that tables are pinned to different keys, or that it is not known which keys the
// lists have: a value that is none, or too many. All shards together answer then what one server with all rows would. Not
// so for a list that a key of one column is compared with, whose shards are sent their own keys.
func (s *Scatter) mayAskAll(err error) bool {
	var key *shard.KeyError
	var refusal *Refusal
	switch {
	case errors.As(err, &refusal) && refusal.Reason == ManyKeys:
		return true
	case errors.As(err, &key), refusal != nil && refusal.Reason == KeyList:
	default:
		return false
	}
	all := s.anchors
	if s.One != nil {
		all = slices.Concat(all, s.One.occs)
	}
	return slices.ContainsFunc(all, func(o occurrence) bool { return o.wide() })
}

// keys evaluates the lists of keys that the rows are pinned to.
func (sb *ScatterBinding) keys(args []any, options int) error {
	b := binder{p: &Plan{}, args: args, sent: args, options: options}
	var keys []shard.Key
	for i := range sb.plan.anchors {
		o := &sb.plan.anchors[i]
		if o.isList() {
			list, err := b.list(o)
			if err != nil {
				return err
			}
			keys = append(keys, list...)
			continue
		}
		k, empty, err := b.one(o)
		if err != nil {
			return err
		}
		if !empty {
			keys = append(keys, k)
		}
	}
	if len(sb.plan.anchors) > 0 {
		sb.Few, sb.Keys = true, distinct(keys)
	}
	sb.args = b.sent[options:]
	return nil
}

func (sb *ScatterBinding) bounds() error {
	limit, set, err := sb.plan.limit.value(sb.args, "LIMIT")
	if err != nil {
		return err
	}
	if set {
		sb.Limit = limit
	}
	sb.Offset, _, err = sb.plan.offset.value(sb.args, "OFFSET")
	return err
}

// Shard returns what is sent to one shard: owned are the ranges of slots that are its own in the map of this statement,
// the same slice each time, which the text asks about as asks says; keys, with Few, those of [ScatterBinding.Keys] that
// are its own; and now the one instant that now() is in the whole statement. The text is the same for the same ranges and
// the same question. With OwnKeys no row is compared with them. An argument may be a [KeyArray].
func (sb *ScatterBinding) Shard(asks Question, owned []shard.Range, keys []shard.Key, now time.Time) (string, []any) {
	p := sb.plan.pieceFor(asks, owned, sb.OwnKeys(), sb.Cut)
	if len(p.args) == 0 {
		return p.text, nil
	}
	args := make([]any, 0, len(p.args))
	for _, a := range p.args {
		args = append(args, sb.arg(a, keys, now))
	}
	return p.text, args
}

// OwnKeys reports whether each shard is sent its own keys and no others. Its rows are then not compared with the slots
// that are its own. By the plan's proof every row it sends has one of those keys, and so has every row of any sharded table that it
// is made of; their slots are the shard's by the map of the statement.
func (sb *ScatterBinding) OwnKeys() bool { return sb.Few && sb.plan.listParam > 0 }

// FinalArgs returns the arguments of [Scatter.Final].
func (sb *ScatterBinding) FinalArgs(now time.Time) []any {
	if sb.plan.final == nil {
		return nil
	}
	var args []any
	for _, a := range sb.plan.final.finalArgs() {
		args = append(args, sb.arg(a, nil, now))
	}
	return args
}

func (sb *ScatterBinding) arg(a arg, keys []shard.Key, now time.Time) any {
	switch a.kind {
	case argCaller:
		if a.n == sb.plan.listParam && sb.Few {
			return sentKeys(keys, sb.plan.anchors[0].parts[0].typ)
		}
		return sb.args[a.n-1]
	case argClock:
		return now
	case argLimit:
		if sb.Cut > 0 {
			return sb.Cut
		}
		if sb.Limit < 0 {
			return nil
		}
		if sb.Limit > math.MaxInt64-sb.Offset {
			return int64(math.MaxInt64)
		}
		return sb.Limit + sb.Offset
	case argCount:
		if sb.Limit < 0 {
			return nil
		}
		return sb.Limit
	default:
		return sb.Offset
	}
}

// sentKeys is slice for keys that are only sent.
func sentKeys(keys []shard.Key, t shard.Type) any {
	if familyOfKey(t) != famInt {
		return slice(keys, t)
	}
	return KeyArray(keys)
}

// keyLists finds out whether the keys of every arm are pinned to lists, and so only few shards are asked.
func (sp *splitter) keyLists() {
	var found []occurrence
	for _, a := range sp.arms {
		base := a.own.cols[0]
		for base.inner != nil {
			base = base.inner
		}
		occ, pinned := sp.occurrence(base.rel)
		if !pinned {
			return
		}
		found = append(found, occ)
	}
	sp.plan.anchors = found
	if o := &found[0]; len(found) == 1 && o.isList() && !o.wide() && len(o.parts[0].lists) == 1 {
		if p := o.parts[0].lists[0].param; p > 0 && sp.mentions(p) == 1 {
			sp.plan.listParam = p
		}
	}
}

// mentions counts how often $n is written.
func (sp *splitter) mentions(n int) int {
	return len(slices.Collect(func(yield func(bool) bool) {
		for _, e := range sp.leaves {
			if e.text == mark(arg{argCaller, n}) && !yield(true) {
				return
			}
		}
	}))
}
