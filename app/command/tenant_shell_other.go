//go:build !linux

package command

import "syscall"

// diesWithParent is of no use where the system doesn't end a process with its parent.
func diesWithParent() *syscall.SysProcAttr { return nil }
