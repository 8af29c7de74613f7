package console

import (
	"errors"
	"sync"

	"github.com/gin-gonic/gin"
)

// task is work that goes on when the browser has left, one at a time. T is how it
// stands: only a running task's is changed, and slices in it are replaced, not
// changed. It is safe for concurrent use.
type task[T any] struct {
	mu      sync.Mutex // guards the rest
	last    *T
	running bool
}

// begin notes a task that begins, unless one runs.
func (t *task[T]) begin(first T) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running {
		return false
	}
	t.last, t.running = &first, true
	return true
}

// change changes how the task stands.
func (t *task[T]) change(f func(v *T)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f(t.last)
}

// errBrokeOff is what a task ends with whose work panics.
var errBrokeOff = errors.New("it broke off")

// run does the work of the task that was begun. end notes what came of it.
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

// view returns a copy of how the task stands, or of how the last one ended; nil
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

// streamTask streams how the task stands, until it is over.
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
