package doctor_test

import (
	"context"
	"fmt"

	"github.com/keyway-go/keyway/router/config"
	"github.com/keyway-go/keyway/router/doctor"
)

// A deployment asks before it starts.
func ExampleRun() {
	cfg, err := config.Load("keyway.production.yaml")
	if err != nil {
		fmt.Println(err)
		return
	}
	report, err := doctor.Run(context.Background(), cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range report.Findings {
		fmt.Printf("%s: %s: %s\n  %s\n", f.Level, f.Subject, f.Sentence, f.Remedy)
	}
	if !report.Healthy() {
		fmt.Println("not going on like this")
	}
}
