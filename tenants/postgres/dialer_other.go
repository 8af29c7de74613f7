//go:build !linux

package postgres

import "syscall"

// limitUnacknowledged does nothing: the limit is Linux's own.
func limitUnacknowledged(string, string, syscall.RawConn) error { return nil }
