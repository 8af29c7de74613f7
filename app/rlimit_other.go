//go:build !unix

package app

// openFiles is a guess where the system knows no limit.
func openFiles() uint64 { return 16384 }
