package importer_test

import (
	"context"
	"fmt"
	"os"

	"github.com/jackc/pgx/v5"

	"github.com/keyway-go/keyway/router"
	"github.com/keyway-go/keyway/router/config"
	"github.com/keyway-go/keyway/router/importer"
)

// Splitting the database of today over a new cluster, with its rows per second.
func ExampleRun() {
	ctx := context.Background()
	cfg, err := config.Load("keyway.production.yaml")
	if err != nil {
		fmt.Println(err)
		return
	}
	db, err := router.Open(ctx, cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	from, err := pgx.ParseConfig(os.Getenv("OLD_DATABASE_URL"))
	if err != nil {
		fmt.Println("OLD_DATABASE_URL is not a connection string")
		return
	}
	report, err := importer.Run(ctx, db, importer.Options{From: from, Progress: func(p importer.Progress) {
		fmt.Printf("%s %s: %d rows, %.0f a second\n", p.Step, p.Table, p.Rows, p.Rate())
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Rows, "rows imported and verified; left behind:", report.LeftBehind)
}
