// Package config reads a [router.Config] from YAML: one file per environment, strict, with secrets by reference.
//
//	environment: production
//	catalog: s0                      # the shard whose database holds the slot map
//	budget: { connections: 200, processes: 50 }
//	credentials:
//	  app:      { user: app, password_env: APP_DB_PASSWORD }
//	  migrator: { user: owner, password_file: /run/secrets/owner }
//	instances:
//	  pg-a: { primary: "10.0.0.1:5432" }
//	  pg-b: { primary: "${PG_B_HOST:-10.0.0.2}:5432" }
//	shards:
//	  s0: { instance: pg-a, database: app }
//	  s1: { instance: pg-b, database: app }
//	tables:                          # asserted against the registry
//	  orders: { key: tenant_id }
//	  plans:  { reference: true }
//	  jobs:   { home: s0 }
//
// An unknown key is an error that names the nearest known one. ${VAR} and ${VAR:-default} stand for variables of the
// environment, inside values only, after the YAML has been read: what a variable holds can never become YAML. $${ is a
// literal ${. Between { and } on one line YAML itself wants such a value in quotes. Passwords are not written in the file: password_env names a variable, password_file a file.
//
// config.schema.json is the JSON Schema of the format, for editors.
package config
