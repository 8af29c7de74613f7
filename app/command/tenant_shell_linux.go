package command

import "syscall"

// diesWithParent makes a process end when this one does, however that happens.
func diesWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} }
