//go:build !linux

package pgtest

// memoryDir is "": only Linux has a memory file system that any user may write to.
func memoryDir() string { return "" }
