package observe_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/router/observe"
)

func line(at, fingerprint, site, verdict string, count any) string {
	text, _ := json.Marshal(map[string]any{
		"time": at, "level": "INFO", "msg": router.ObservedMessage, "fingerprint": fingerprint, "site": site, "verdict": verdict,
		"reason": "no shard key", "statement": "select ?", "hint": "from " + at, "count": count,
	})
	return string(text)
}

func read(t *testing.T, lines ...string) *observe.Report {
	t.Helper()
	var r observe.Report
	require.NoError(t, r.Read(strings.NewReader(strings.Join(lines, "\n"))))
	r.Sort()
	return &r
}

func TestLinesAreSummedUpByFingerprintAndPlace(t *testing.T) {
	early, late := "2026-03-01T10:00:00Z", "2026-03-01T11:00:00.5+00:00"
	r := read(t,
		line(late, "aa", "p.F f.go:1", router.WouldScatter, 5),
		line(early, "aa", "p.F f.go:1", router.WouldBeRefused, 2),
		line(early, "aa", "p.G f.go:9", router.WouldBeRefused, 9),
		`{"msg":"`+router.NotKeptMessage+`","count":4}`,
		`{"msg":"`+router.NotKeptMessage+`","count":3}`,
	)
	require.Len(t, r.Observations, 2)
	require.Equal(t, "p.G f.go:9", r.Observations[0].Site, "most often first")
	o := r.Observations[1]
	require.EqualValues(t, 7, o.Count)
	require.Equal(t, []string{router.WouldScatter, "from " + late}, []string{o.Verdict, o.Hint}, "the newest line says what it is")
	require.Equal(t, "10:00:00 11:00:00", o.First.Format(time.TimeOnly)+" "+o.Last.Format(time.TimeOnly))
	require.Equal(t, []int64{5, 11, 7, 5, 0}, []int64{r.Scatter, r.Refused, r.NotKept, r.Lines, r.Malformed})
	require.NoError(t, r.Read(strings.NewReader(line(late, "aa", "p.F f.go:1", router.WouldScatter, 1)+"\n")))
	require.EqualValues(t, 8, r.Observations[1].Count, "another file may follow")
}

func TestWhatCollectorsWrapAroundALineIsTakenOff(t *testing.T) {
	l := line("2026-03-01T10:00:00Z", "aa", "p.F f.go:1", router.WouldScatter, 1)
	docker, _ := json.Marshal(map[string]string{"log": l + "\n", "stream": "stdout"})
	var grouped bytes.Buffer
	slog.New(slog.NewJSONHandler(&grouped, nil)).With("pod", "a").WithGroup("db").
		Info(router.ObservedMessage, "fingerprint", "aa", "site", "p.F f.go:1", "verdict", router.WouldScatter, "count", 1)
	r := read(t, l, "[pod/shop-1] 2026-03-01 "+l, string(docker), grouped.String(), strings.Replace(l, `"msg"`, `"message"`, 1))
	require.Zero(t, r.Malformed)
	require.Len(t, r.Observations, 1)
	require.EqualValues(t, 5, r.Observations[0].Count)
}

func TestOtherLinesArePassedByAndBrokenOnesCounted(t *testing.T) {
	good := line("now", "aa", "p.F f.go:1", router.WouldScatter, 1)
	quoting, _ := json.Marshal(map[string]string{"msg": "support asked about: " + router.ObservedMessage})
	r := read(t, "", "not JSON", `{"msg":"another"}`, "{", string(quoting), strings.Repeat("x", 3<<20), good)
	require.Equal(t, []int64{1, 0}, []int64{r.Lines, r.Malformed})
	for _, bad := range []string{
		good[:len(good)-5], "level=INFO msg=\"" + router.ObservedMessage + "\" count=1",
		line("now", "aa", "p.F f.go:1", "perhaps", 1), line("now", "", "p.F f.go:1", router.WouldScatter, 1),
		line("now", "aa", "", router.WouldScatter, 1), line("now", "aa", "p.F f.go:1", router.WouldScatter, 0),
		line("now", "aa", "p.F f.go:1", router.WouldScatter, -3), line("now", "aa", "p.F f.go:1", router.WouldScatter, "many"),
		line("now", "aa", "p.F f.go:1", router.WouldScatter, 1.5), `{"msg":"` + router.NotKeptMessage + `"}`,
		good + strings.Repeat(" ", 2<<20) + "x",
	} {
		r := read(t, bad, good)
		require.Equal(t, []int64{1, 1}, []int64{r.Lines, r.Malformed}, bad[:min(len(bad), 300)])
	}
	var broken observe.Report
	require.ErrorIs(t, broken.Read(iotest.ErrReader(iotest.ErrTimeout)), iotest.ErrTimeout)
	var none observe.Report
	none.Sort()
	require.Empty(t, none.Observations)
}

func TestAReportKeepsABoundedNumberApartAndCountsTheRest(t *testing.T) {
	var logs strings.Builder
	for i := range observe.MaxObservations + 500 {
		logs.WriteString(line("2026-03-01T10:00:00Z", fmt.Sprintf("%x", i), "p.F f.go:1", router.WouldScatter, 2) + "\n")
	}
	logs.WriteString(line("2026-03-01T11:00:00Z", "0", "p.F f.go:1", router.WouldScatter, 5) + "\n")
	var r observe.Report
	require.NoError(t, r.Read(strings.NewReader(logs.String())))
	r.Sort()
	require.Len(t, r.Observations, observe.MaxObservations)
	require.Equal(t, []any{"0", int64(7)}, []any{r.Observations[0].Fingerprint, r.Observations[0].Count}, "what is kept goes on counting")
	require.EqualValues(t, 1000, r.Beyond)
	require.EqualValues(t, 2*(observe.MaxObservations+500)+5, r.Scatter)
}
