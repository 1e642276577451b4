package pool_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkStatReader is 64 goroutines that send the shortest statement there is over 16 connections, in turn without
// and with somebody who reads the statistics every millisecond. It reports the median of the rounds' ratios.
func BenchmarkStatReader(b *testing.B) {
	db, _ := benchPair(b, 16)
	const rounds, round = 15, 200 * time.Millisecond
	drive := func(read bool) float64 {
		ctx, stop := context.WithTimeout(context.Background(), round)
		defer stop()
		var served atomic.Int64
		var group sync.WaitGroup
		start := time.Now()
		if read {
			group.Go(func() {
				tick := time.NewTicker(time.Millisecond)
				defer tick.Stop()
				for ctx.Err() == nil {
					<-tick.C
					_ = db.Instance().Stat()
				}
			})
		}
		for range 64 {
			group.Go(func() {
				n := int64(0)
				for time.Since(start) < round {
					if err := db.Ping(context.Background()); err != nil {
						b.Error(err)
						return
					}
					n++
				}
				served.Add(n)
			})
		}
		group.Wait()
		return float64(served.Load()) / time.Since(start).Seconds()
	}
	for b.Loop() {
		var ratios []float64
		drive(false)
		for range rounds {
			alone := drive(false)
			ratios = append(ratios, drive(true)/alone)
		}
		slices.Sort(ratios)
		b.ReportMetric(ratios[rounds/2], "ratio")
		b.ReportMetric(0, "ns/op")
	}
}
