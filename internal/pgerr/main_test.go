package pgerr_test

import (
	"testing"

	"github.com/keyway-go/keyway/internal/localpg/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }
