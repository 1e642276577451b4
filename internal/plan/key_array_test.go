package plan_test

import (
	"math"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/internal/plan"
	"github.com/keyway-go/keyway/shard"
)

func TestAnArrayOfKeysIsWrittenAsPgxWritesIt(t *testing.T) {
	types := pgtype.NewMap()
	for name, values := range map[string][]int64{
		"one": {7}, "several": {3, 1, 2}, "of both signs": {-1, 0, 1}, "ends of smallint": {math.MinInt16, math.MaxInt16},
		"over smallint": {1, math.MaxInt16 + 1}, "under smallint": {math.MinInt16 - 1}, "ends of integer": {math.MinInt32, math.MaxInt32},
		"over integer": {math.MaxInt32 + 1, 1}, "under integer": {math.MinInt32 - 1}, "ends of bigint": {math.MinInt64, math.MaxInt64},
	} {
		keys := make(plan.KeyArray, len(values))
		for i, v := range values {
			keys[i] = shard.Int64(v)
		}
		for _, array := range []uint32{pgtype.Int2ArrayOID, pgtype.Int4ArrayOID, pgtype.Int8ArrayOID} {
			want, err := types.Encode(array, pgtype.BinaryFormatCode, values, []byte("before"))
			got, ok := keys.AppendBinary([]byte("before"), array)
			require.Equal(t, err == nil, ok, "%s as %d: %v", name, array, err)
			if err != nil {
				want = []byte("before")
			}
			require.Equal(t, want, got, "%s as %d", name, array)
		}
		for _, other := range []uint32{0, pgtype.TextOID, pgtype.TextArrayOID, pgtype.NumericArrayOID, pgtype.Int8OID, pgtype.OIDOID} {
			_, ok := keys.AppendBinary(nil, other)
			require.False(t, ok)
		}
		want, err := types.Encode(pgtype.Int8ArrayOID, pgtype.TextFormatCode, values, nil)
		require.NoError(t, err)
		require.Equal(t, string(want), keys.Text())
	}
	_, ok := plan.KeyArray{}.AppendBinary(nil, pgtype.Int8ArrayOID)
	require.False(t, ok, "no keys are an array without dimensions")
	require.Equal(t, "{}", plan.KeyArray{}.Text())
}
