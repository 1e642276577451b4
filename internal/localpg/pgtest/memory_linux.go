package pgtest

import "syscall"

// memoryDir is a directory in memory with room for the clusters of many test
// processes, or "". Making and dropping databases is mostly the making, syncing
// and dropping of hundreds of files, and costs up to 25 times less there. The
// servers still run with fsync on, and what is killed in tests is the server and
// never the machine, so nothing that the tests prove depends on a disk. Set
// KEYWAY_PG_TMP to a directory on disk to have it otherwise.
func memoryDir() string {
	const dir, room = "/dev/shm", 4 << 30
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil || uint64(fs.Bsize)*fs.Bavail < room {
		return ""
	}
	if syscall.Access(dir, 2) != nil {
		return ""
	}
	return dir
}
