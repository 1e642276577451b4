package main_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestARefusalAsJSONSaysWhereInTheText(t *testing.T) {
	s := newSite(t)
	s.ok("init")
	const sql = "select 'é' from orders where ) and tenant_id = $1"
	v, code := s.json("explain", sql)
	require.Equal(t, 3, code)
	e, _ := v["error"].(map[string]any)
	require.EqualValues(t, strings.Index(sql, ")"), e["offset"], "in bytes: %v", v)
	require.NotEmpty(t, e["reason"])
}
