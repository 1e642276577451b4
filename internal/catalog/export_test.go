package catalog

// What tests need of the inside: the installer with other files, and the lock it takes.
var (
	InstallFrom = install
	SchemaFiles = schemaFiles
	LockKey     = int64(lockKey)

	ReadMapStatement = readMap
)
