package prompool_test

import (
	"context"
	"log"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/keyway-go/keyway/pool/prompool"
	"github.com/keyway-go/keyway/router"
)

// The pools of a cluster, on /metrics.
func ExampleNew() {
	db, err := router.Open(context.Background(), router.Config{ /* ... */ })
	if err != nil {
		log.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(prompool.New(db.Instances()...))
	http.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
}
