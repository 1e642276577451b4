// Package otelrouter makes OpenTelemetry metrics of what observe mode lets run. It is a package of its own so that a
// service without OpenTelemetry does not link it; the pools have pool/otelpool.
//
//	metrics, err := otelrouter.Register(otel.GetMeterProvider(), db)
//	defer metrics.Unregister()
//
// The attributes are bounded: statements are counted by verdict, and which they are is in the log and in
// [router.DB.Observed].
package otelrouter

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/keyway-go/keyway/router"
)

const scope = "github.com/keyway-go/keyway/router/otelrouter"

// Register makes the instruments of db, which are read until Unregister.
func Register(provider metric.MeterProvider, db *router.DB) (metric.Registration, error) {
	meter := provider.Meter(scope)
	statements, err := meter.Int64ObservableCounter("keyway.observed.statements", metric.WithUnit("{statement}"),
		metric.WithDescription("Statements that ran although they are refused, because observe mode lets them."))
	notKept, err2 := meter.Int64ObservableCounter("keyway.observed.not_kept", metric.WithUnit("{statement}"),
		metric.WithDescription("Of these, those that are only counted because too many others are kept apart."))
	going, err3 := meter.Int64ObservableUpDownCounter("keyway.observing", metric.WithUnit("{mode}"),
		metric.WithDescription("1 while observe mode is configured and in force."))
	if err := errors.Join(err, err2, err3); err != nil {
		return nil, err
	}
	verdict := func(v string) metric.MeasurementOption {
		return metric.WithAttributeSet(attribute.NewSet(attribute.String("keyway.verdict", v)))
	}
	scatter, refused := verdict(router.WouldScatter), verdict(router.WouldBeRefused)
	return meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		s := db.Stat().Observed
		o.ObserveInt64(statements, s.Scatter, scatter)
		o.ObserveInt64(statements, s.Refused, refused)
		o.ObserveInt64(notKept, s.NotKept)
		on := int64(0)
		if s.InForce {
			on = 1
		}
		o.ObserveInt64(going, on)
		return nil
	}, statements, notKept, going)
}
