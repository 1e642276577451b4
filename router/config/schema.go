package config

import _ "embed" // the schema's file

//go:embed config.schema.json
var schema []byte

// Schema returns the JSON Schema of the format, for editors and for checks in a
// build. The slice is the caller's.
func Schema() []byte { return append([]byte(nil), schema...) }
