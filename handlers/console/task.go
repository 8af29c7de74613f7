package console

import (
	"errors"
	"sync"

	"github.com/gin-gonic/gin"
)

// task is work that continues when the browser disconnects. Only one runs at a
// time. T is its progress: it changes only while the task runs, and slices in it
// are replaced rather than changed. It is safe for concurrent use.
type task[T any] struct {
	mu      sync.Mutex // guards the rest
	last    *T
	running bool
}

// begin starts a task, unless one is running. It returns false if one is.
func (t *task[T]) begin(first T) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running {
		return false
	}
	t.last, t.running = &first, true
	return true
}

// change changes the progress.
func (t *task[T]) change(f func(v *T)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f(t.last)
}

// errBrokeOff is the error of a task that panics.
var errBrokeOff = errors.New("the program failed; see its log")

// run runs the work of the task that has been started. end records its result.
func (t *task[T]) run(work func() error, end func(v *T, err error)) {
	err := errBrokeOff
	defer func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		end(t.last, err)
		t.running = false
	}()
	err = work()
}

// view returns a copy of the progress of the running or the last task, or nil
// before the first.
func (t *task[T]) view() *T {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last == nil {
		return nil
	}
	v := *t.last
	return &v
}

// streamTask streams the progress of the task until it ends.
func streamTask[T any](s *Console, t *task[T], over func(v *T) bool) gin.HandlerFunc {
	return func(c *gin.Context) {
		s.stream(c, func(send func(name string, data any)) bool {
			v := t.view()
			if v == nil {
				return true
			}
			send("progress", v)
			return over(v)
		})
	}
}
