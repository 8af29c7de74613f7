// Package faultybucket is a bucket whose storage fails as storages do, for tests.
package faultybucket

import (
	"context"
	"fmt"
	"io"
	"sync"

	"tenantry/tenants/bucket"
)

// Fault is what happens to objects that are stored.
type Fault string

// The faults.
const (
	None Fault = ""
	// Refuses takes nothing, and Full says that there is no room.
	Refuses Fault = "refuses"
	Full    Fault = "is full"
	// Breaks loses the connection after a part.
	Breaks Fault = "breaks"
	// LosesAnswer stores the object, and loses the connection before it says so.
	LosesAnswer Fault = "loses the answer"
	// Hangs takes a part and falls silent until the fault is over or the context ends, and has stored nothing then.
	Hangs Fault = "hangs"
)

// Faults returns all faults.
func Faults() []Fault { return []Fault{Refuses, Full, Breaks, LosesAnswer, Hangs} }

// Bucket is a bucket with faults. It is safe for concurrent use.
type Bucket struct {
	bucket.Bucket

	mu    sync.Mutex // protects the fields below
	fault Fault
	over  chan struct{} // closed when the fault is over
	puts  int           // while there was a fault
	busy  int
	most  int
}

// New returns a Bucket without a fault.
func New(b bucket.Bucket) *Bucket { return &Bucket{Bucket: b, over: make(chan struct{})} }

// Set ends the present fault and begins another, or none.
func (b *Bucket) Set(fault Fault) {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.over)
	b.fault, b.over, b.puts = fault, make(chan struct{}), 0
}

// Puts returns how many objects were to be stored since the fault began, and how many at once at most since the beginning.
func (b *Bucket) Puts() (all, most int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.puts, b.most
}

// Put stores an object, or fails.
func (b *Bucket) Put(ctx context.Context, key string, r io.Reader) error {
	b.mu.Lock()
	b.puts++
	b.busy++
	b.most = max(b.most, b.busy)
	fault, over := b.fault, b.over
	b.mu.Unlock()
	defer func() { b.mu.Lock(); b.busy--; b.mu.Unlock() }()
	err := fmt.Errorf("%w: the test's storage %s", bucket.ErrUnavailable, fault)
	switch fault {
	case None:
		return b.Bucket.Put(ctx, key, r)
	case Full:
		err = fmt.Errorf("%w: the test's", bucket.ErrFull)
	case Breaks:
		_, _ = io.CopyN(io.Discard, r, 1000)
	case LosesAnswer:
		if stored := b.Bucket.Put(ctx, key, r); stored != nil {
			return stored
		}
	case Hangs:
		_, _ = io.CopyN(io.Discard, r, 1000)
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-over:
		}
	}
	return err
}
