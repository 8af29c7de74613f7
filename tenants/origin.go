package tenants

// An instance's origin says where its process runs and which one it is, so that another process on the same machine can
// see that it has ended. An origin that isn't known, or of another machine, says nothing.

// origin identifies a process on a machine.
type origin struct {
	machine string // of one start of one kernel, and a namespace of process ids on it
	pid     int
	started string // when, by the kernel's clock, since ids of processes are used again
}
