package router_test

import (
	"testing"
	"time"

	sq "github.com/Masterminds/squirrel"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/shard"
)

type order struct {
	TenantID int64
	ID       int64
	State    *string
	Total    *int
}

func TestGetWantsExactlyOneRow(t *testing.T) {
	f, db := onShop(t)
	ctx := f.ctx()
	for i := range 2 {
		_, err := router.Exec(ctx, db, router.SQL.Insert("orders").SetMap(map[string]any{"tenant_id": 7, "id": i, "state": "new"}))
		require.NoError(t, err)
	}
	all := router.SQL.Select("*").From("orders").Where(sq.Eq{"tenant_id": 7}).OrderBy("id")
	got, err := router.Get[order](ctx, db, all.Where(sq.Eq{"id": 1}))
	require.NoError(t, err)
	require.EqualValues(t, 7, got.TenantID, "tenant_id is TenantID, and slot is skipped")
	require.EqualValues(t, 1, got.ID)
	require.Equal(t, "new", *got.State)
	require.Nil(t, got.Total)

	_, err = router.Get[order](ctx, db, all.Where(sq.Eq{"id": 99}))
	require.ErrorIs(t, err, router.ErrNoRows)
	require.ErrorIs(t, err, pgx.ErrNoRows)
	_, err = router.Get[order](ctx, db, all)
	require.ErrorIs(t, err, router.ErrTooManyRows)
	require.NotErrorIs(t, err, router.ErrNoRows)

	list, err := router.Select[*order](ctx, db, all)
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.NotSame(t, list[0], list[1])
	list, err = router.Select[*order](ctx, db, all.Where("id > 99"))
	require.NoError(t, err)
	require.NotNil(t, list)
	require.Empty(t, list)
	n := 0
	for o, err := range router.Each[order](ctx, db, all) {
		require.NoError(t, err)
		require.EqualValues(t, 7, o.TenantID)
		n++
		break
	}
	require.Equal(t, 1, n)
	require.Eventually(t, func() bool { return inUse(db) <= 1 }, time.Minute, time.Millisecond, "break gives the connection back")

	tag, err := router.Exec(ctx, db.ForKey(shard.Int64(7)), router.SQL.Delete("orders"))
	require.NoError(t, err)
	require.EqualValues(t, 2, tag.RowsAffected())
	_, err = router.Exec(ctx, db, router.SQL.Delete("orders"))
	require.ErrorIs(t, err, router.ErrNoShardKey, "a DELETE without Where reaches nobody's rows")
	_, err = router.Select[order](ctx, db, router.SQL.Select("*").From("orders"))
	require.ErrorIs(t, err, router.ErrNoShardKey)
	_, err = router.Exec(ctx, db, router.SQL.Update("orders").Set("state", "x").Where("$1", 1))
	sentence(t, err, "numbered")
}

type stamps struct {
	CreatedAt time.Time `db:"created"`
	Note      pgtype.Text
}

type inner struct{ Deep int }

type wide struct {
	stamps2
	inner
	Name    string `db:"full_name"`
	Slot    int16
	Ignored string `db:"-"`
}

type stamps2 = stamps

func TestRowsMeetFieldsByName(t *testing.T) {
	f, db := onShop(t)
	ctx := f.ctx()
	got, err := router.Get[wide](ctx, db, router.Text(
		"select now() as created, 'n'::text as note, 3 as deep, 'Ann' as full_name, 5::smallint as slot"))
	require.NoError(t, err)
	require.Equal(t, "Ann", got.Name)
	require.Equal(t, "n", got.Note.String)
	require.Equal(t, 3, got.Deep)
	require.EqualValues(t, 5, got.Slot, "a struct that has the field gets it")
	require.False(t, got.CreatedAt.IsZero())

	for want, run := range map[string]func() error{
		`column "stray" of the result has no field in router_test.order`: func() error {
			_, err := router.Get[order](ctx, db, router.Text("select 1::bigint as id, 2 as stray"))
			return err
		},
		`column "id" is twice in the result`: func() error {
			_, err := router.Get[order](ctx, db, router.Text("select 1::bigint as id, 2::bigint as id"))
			return err
		},
		`columns "deep" and "DE_EP" fit the same field`: func() error {
			_, err := router.Get[wide](ctx, db, router.Text(`select 1 as deep, 2 as "DE_EP"`))
			return err
		},
		`column "ignored" of the result has no field`: func() error {
			_, err := router.Get[wide](ctx, db, router.Text("select 'x' as ignored"))
			return err
		},
		"a int takes one column, and the result has 2": func() error {
			_, err := router.Get[int](ctx, db, router.Text("select 1, 2"))
			return err
		},
		`column "deep" fits two fields`: func() error {
			type other struct{ Deep int }
			type both struct {
				inner
				other
			}
			_, err := router.Get[both](ctx, db, router.Text("select 1 as deep"))
			return err
		},
		"embeds a pointer to": func() error {
			type withPointer struct{ *inner }
			_, err := router.Get[withPointer](ctx, db, router.Text("select 1 as deep"))
			return err
		},
	} {
		sentence(t, run(), want)
	}

	type hides struct {
		inner
		Deep int64
	}
	h, err := router.Get[hides](ctx, db, router.Text("select 4 as deep"))
	require.NoError(t, err)
	require.EqualValues(t, 4, h.Deep, "the outer field hides the embedded one")
	require.Zero(t, h.inner.Deep)
}

func TestSingleColumnsAreScalars(t *testing.T) {
	f, db := onShop(t)
	ctx := f.ctx()
	at, err := router.Get[time.Time](ctx, db, router.Text("select timestamptz '2026-01-02 03:04:05Z'"))
	require.NoError(t, err)
	require.Equal(t, 2026, at.UTC().Year())
	null, err := router.Get[*string](ctx, db, router.Text("select null::text"))
	require.NoError(t, err)
	require.Nil(t, null)
	text, err := router.Get[pgtype.Text](ctx, db, router.Text("select 'x'::text"))
	require.NoError(t, err)
	require.Equal(t, "x", text.String)
	list, err := router.Select[[]int32](ctx, db, router.Text("select array[1, 2]"))
	require.NoError(t, err)
	require.Equal(t, [][]int32{{1, 2}}, list)
	id, err := router.Get[[16]byte](ctx, db, router.Text("select '00000000-0000-0000-0000-000000000001'::uuid"))
	require.NoError(t, err)
	require.EqualValues(t, 1, id[15])
	_, err = router.Get[int](ctx, db, router.Text("select null::int"))
	require.Error(t, err)
}
