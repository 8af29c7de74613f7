package tenants

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
)

// TestServerIsOpenedOnce has many ask for a server at its first use. Each gets the one engine that was opened, or the
// error if it could not be opened.
func TestServerIsOpenedOnce(t *testing.T) {
	t.Parallel()
	errDown := errors.New("it is down")
	for _, failure := range []error{nil, errDown} {
		for range 300 {
			var opens atomic.Int64
			s := &servers{log: slog.New(slog.DiscardHandler), opened: func() {}, openEngine: func(context.Context, *Server) (Engine, error) {
				opens.Add(1)
				return struct{ Engine }{}, failure
			}}
			s.byName.Store(&map[string]*server{"north": {id: "1", breaker: newBreaker()}})
			var asking sync.WaitGroup
			for range 8 {
				asking.Go(func() {
					engine, err := s.get("north")
					if (engine == nil) != (failure != nil) || !errors.Is(err, failure) {
						t.Errorf("the server is %v, %v; want %v", engine, err, failure)
					}
				})
			}
			asking.Wait()
			if n := opens.Load(); n != 1 {
				t.Errorf("it was opened %d times", n)
			}
		}
	}
}
