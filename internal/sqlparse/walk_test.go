package sqlparse_test

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/sqlparse"
)

var nodeType = reflect.TypeFor[sqlparse.Node]()

// held collects every node that hangs below v, by the fields of the structs: what Walk has to visit. A node that was
// not written has an empty span and is left out.
func held(v reflect.Value, found map[any]bool) {
	switch v.Kind() {
	case reflect.Interface:
		if !v.IsNil() {
			held(v.Elem(), found)
		}
	case reflect.Pointer:
		if v.IsNil() {
			return
		}
		found[v.Interface()] = true
		fields(v.Elem(), found)
	case reflect.Slice:
		for i := range v.Len() {
			if e := v.Index(i); e.Kind() == reflect.Struct {
				found[e.Addr().Interface()] = true // the star of TABLE t has an empty span too
				fields(e, found)
			} else {
				held(e, found)
			}
		}
	case reflect.Struct:
		n, ok := reflect.TypeAssert[sqlparse.Node](v.Addr())
		if !ok || n.Pos() == (sqlparse.Span{}) {
			return
		}
		found[n] = true
		fields(v, found)
	}
}

func fields(v reflect.Value, found map[any]bool) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous || !f.IsExported() || f.Type == reflect.TypeFor[sqlparse.Span]() || f.Type == reflect.TypeFor[*bool]() {
			continue
		}
		held(v.Field(i), found)
	}
}

func TestWalkVisitsEveryNodeOfTheCorpusOnce(t *testing.T) {
	types := map[reflect.Type]bool{}
	for _, sql := range corpus(t) {
		s, err := sqlparse.Parse(sql)
		require.NoError(t, err, sql)
		want := map[any]bool{}
		held(reflect.ValueOf(s), want)
		visited := map[any]bool{}
		sqlparse.Walk(s, func(n sqlparse.Node) bool {
			require.Equal(t, reflect.Pointer, reflect.TypeOf(n).Kind(), "%T in %s", n, sql)
			require.False(t, visited[n], "%T twice in %s", n, sql)
			visited[n] = true
			types[reflect.TypeOf(n).Elem()] = true
			return true
		})
		for n := range want {
			require.True(t, visited[n], "%T at %v is not visited in %s", n, n.(sqlparse.Node).Pos(), sql)
		}
		require.Len(t, visited, len(want), sql)
	}
	require.Len(t, types, len(allNodes), "the corpus has no example of some node")
}

// allNodes lists the node types, so that the corpus must hold each of them.
var allNodes = []sqlparse.Node{
	&sqlparse.Name{}, &sqlparse.TableName{}, &sqlparse.With{}, &sqlparse.CTE{}, &sqlparse.Select{}, &sqlparse.Target{},
	&sqlparse.Locking{}, &sqlparse.OrderItem{}, &sqlparse.WindowDef{}, &sqlparse.Alias{}, &sqlparse.TableRef{},
	&sqlparse.Join{}, &sqlparse.SubqueryRef{}, &sqlparse.FuncRef{}, &sqlparse.Insert{}, &sqlparse.InsertColumn{},
	&sqlparse.OnConflict{}, &sqlparse.SetClause{}, &sqlparse.Update{}, &sqlparse.Delete{}, &sqlparse.Merge{},
	&sqlparse.MergeWhen{}, &sqlparse.ColumnRef{}, &sqlparse.Star{}, &sqlparse.Param{}, &sqlparse.Literal{},
	&sqlparse.TypeName{}, &sqlparse.Cast{}, &sqlparse.Unary{}, &sqlparse.Binary{}, &sqlparse.And{}, &sqlparse.Or{},
	&sqlparse.IsTest{}, &sqlparse.Between{}, &sqlparse.Like{}, &sqlparse.In{}, &sqlparse.Quantified{},
	&sqlparse.Subquery{}, &sqlparse.FuncCall{}, &sqlparse.NamedArg{}, &sqlparse.Case{}, &sqlparse.When{},
	&sqlparse.Coalesce{}, &sqlparse.Row{}, &sqlparse.Array{}, &sqlparse.Index{}, &sqlparse.Field{},
	&sqlparse.Collate{}, &sqlparse.Paren{}, &sqlparse.DefaultExpr{}, &sqlparse.GroupingSet{},
	&sqlparse.ClauseCall{}, &sqlparse.Search{}, &sqlparse.Cycle{}, &sqlparse.ColumnDefs{}, &sqlparse.ReturningAlias{},
}

// fill builds a value of a type with every field that can hold a node filled, one level deep.
func fill(v reflect.Value) {
	for _, f := range v.Fields() {
		switch {
		case !f.CanSet():
		case f.Type() == reflect.TypeFor[sqlparse.Span]():
			f.Set(reflect.ValueOf(sqlparse.Span{Start: 1, End: 2}))
		case f.Kind() == reflect.Slice && f.Type().Elem().Kind() == reflect.Slice: // [][]Expr
			inner := reflect.MakeSlice(f.Type().Elem(), 1, 1)
			set(inner.Index(0))
			f.Set(reflect.MakeSlice(f.Type(), 1, 1))
			f.Index(0).Set(inner)
		case f.Kind() == reflect.Slice:
			f.Set(reflect.MakeSlice(f.Type(), 1, 1))
			set(f.Index(0))
		default:
			set(f)
		}
	}
}

func set(f reflect.Value) {
	span := sqlparse.Span{Start: 1, End: 2}
	switch {
	case f.Type() == reflect.TypeFor[sqlparse.Expr]():
		f.Set(reflect.ValueOf(&sqlparse.Literal{Span: span}))
	case f.Type() == reflect.TypeFor[sqlparse.TableExpr]():
		f.Set(reflect.ValueOf(&sqlparse.TableRef{Span: span}))
	case f.Type() == reflect.TypeFor[sqlparse.Statement]():
		f.Set(reflect.ValueOf(&sqlparse.Delete{Span: span}))
	case f.Kind() == reflect.Pointer && f.Type().Implements(nodeType):
		f.Set(reflect.New(f.Type().Elem()))
		f.Elem().FieldByName("Span").Set(reflect.ValueOf(span))
	case f.Kind() == reflect.Struct && reflect.PointerTo(f.Type()).Implements(nodeType):
		f.FieldByName("Span").Set(reflect.ValueOf(span))
	}
}

func TestWalkKnowsEveryFieldThatHoldsANode(t *testing.T) {
	for _, n := range allNodes {
		v := reflect.New(reflect.TypeOf(n).Elem())
		fill(v.Elem())
		want := map[any]bool{}
		held(v, want)
		visited := map[any]bool{}
		sqlparse.Walk(v.Interface().(sqlparse.Node), func(n sqlparse.Node) bool {
			visited[n] = true
			return true
		})
		for n := range want {
			require.True(t, visited[n], "%T: a %T below it is not visited", v.Interface(), n)
		}
	}
}

func TestWalkLeavesOutWhatIsBelowANodeThatWasDeclined(t *testing.T) {
	s := parsed[*sqlparse.Select](t, "select a from t where b in (select c from u)")
	var columns []string
	sqlparse.Walk(s, func(n sqlparse.Node) bool {
		if c, ok := n.(*sqlparse.ColumnRef); ok {
			columns = append(columns, c.Parts[0].Value)
		}
		_, in := n.(*sqlparse.In)
		return !in
	})
	require.Equal(t, []string{"a"}, columns)
}
