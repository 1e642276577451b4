package sqlparse

// ParseVersion is Parse; it also returns the first major version of PostgreSQL whose grammar has the text.
var ParseVersion = parse
