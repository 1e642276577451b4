// Package importer copies an existing PostgreSQL database into the shards of a
// new cluster: COPY out of the source, each row to the shard of its key, COPY
// into all shards at once, then a comparison, then commit.
//
//	db, err := router.Open(ctx, cfg)
//	from, err := pgx.ParseConfig(os.Getenv("OLD_DATABASE_URL"))
//	report, err := importer.Run(ctx, db, importer.Options{From: from})
//
// Everything is one transaction on each shard, and the shards commit only after
// counts and checksums of every table equal the source's and every row has been
// found on the shard of its key. So a failure before that leaves nothing behind
// and the import is simply run again; one between the commits is a
// [PartialError] that says which shards have committed. Nothing is ever written
// to the source, which is read in one snapshot and may go on serving: what is
// written to it after the start is not part of the import.
//
// The price is that an import cannot be resumed in the middle, and that the
// source keeps the rows it would have vacuumed for as long as the import runs.
package importer
