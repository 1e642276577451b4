package otelpool_test

import (
	"context"
	"log"

	sdk "go.opentelemetry.io/otel/sdk/metric"

	"github.com/keyway-go/keyway/pool/otelpool"
	"github.com/keyway-go/keyway/router"
)

// The pools of a cluster, to wherever the provider's readers export.
func ExampleRegister() {
	db, err := router.Open(context.Background(), router.Config{ /* ... */ })
	if err != nil {
		log.Fatal(err)
	}
	provider := sdk.NewMeterProvider( /* readers */ )
	metrics, err := otelpool.Register(provider, db.Instances()...)
	if err != nil {
		log.Fatal(err)
	}
	defer metrics.Close()
}
