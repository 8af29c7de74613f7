//go:build !unix || solaris || aix

package sqlite

import "os"

// hasFlock is false because the system has no flock(2). Only heartbeats tell whether an instance is
// alive.
const hasFlock = false

func lockFile(*os.File) error { return nil }

func isFree(*os.File) (bool, error) { return false, nil }

// TryLock returns true: there are no such locks here.
func TryLock(*os.File) (bool, error) { return true, nil }
