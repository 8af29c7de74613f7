//go:build !unix || solaris || aix

package sqlite

import "os"

// hasFlock is false where the system has no flock(2): whether an instance lives
// is told from its heartbeats alone.
const hasFlock = false

func lockFile(*os.File) error { return nil }

func isFree(*os.File) (bool, error) { return false, nil }
