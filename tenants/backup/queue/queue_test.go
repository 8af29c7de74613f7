package queue_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tenantry/tenants"
	"tenantry/tenants/backup/queue"
	"tenantry/tenants/bucket"
)

const (
	interval = 10 * time.Second
	workers  = 4
)

// storage counts backups.
type storage struct {
	mu    sync.Mutex // protects the fields below
	err   error      // of each backup
	of    string     // the only tenant that err is for; empty for all
	tries int        // since set was called
	busy  int
	most  int
}

func (s *storage) set(err error, of string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err, s.of, s.tries = err, of, 0
}

func (s *storage) tried() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tries
}

func (s *storage) store(ctx context.Context, t *tenants.Tenant, _ time.Time) error {
	s.mu.Lock()
	s.tries++
	s.busy++
	s.most = max(s.most, s.busy)
	err := s.err
	if s.of != "" && s.of != t.ID {
		err = nil
	}
	s.mu.Unlock()
	queue.Wait(ctx, 100*time.Millisecond)
	s.mu.Lock()
	s.busy--
	s.mu.Unlock()
	return err
}

// inBubble runs f with a queue that runs, with a clock that passes when all wait.
func inBubble(t *testing.T, f func(t *testing.T, q *queue.Queue, s *storage)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &storage{}
		q := queue.New(queue.Options{Interval: interval, Workers: workers, Store: s.store, Log: slog.New(slog.DiscardHandler)})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { q.Run(ctx); close(ended) }()
		f(t, q, s)
		stop()
		<-ended
	})
}

func commit(q *queue.Queue, many int) {
	for i := range many {
		q.Committed(&tenants.Tenant{ID: fmt.Sprint(i), Subdomain: fmt.Sprint("t", i)})
	}
}

// TestOutage: while the storage can't be used, few backups are tried, however many tenants wait and however long it takes. All
// are stored soon after it can be used again.
func TestOutage(t *testing.T) {
	inBubble(t, func(t *testing.T, q *queue.Queue, s *storage) {
		s.set(fmt.Errorf("x: %w", bucket.ErrUnavailable), "")
		commit(q, 1000)
		time.Sleep(time.Hour)
		if got := s.tried(); got > 70*workers || got < 30 {
			t.Errorf("%d backups were tried in an hour", got)
		}
		if late := q.Late(); late == nil || late.Waiting != 1000 || late.Age < time.Hour || !errors.Is(late.Err, bucket.ErrUnavailable) && late.Err != nil {
			t.Errorf("late: %+v", late)
		}
		s.set(nil, "")
		time.Sleep(2 * time.Minute)
		if status := q.Status(); status.Waiting != 0 || q.Late() != nil || len(status.Failing) != 0 {
			t.Errorf("two minutes after: %d wait", status.Waiting)
		}
		if s.most > workers {
			t.Errorf("%d backups at once", s.most)
		}
	})
}

// TestOneTenantFails: a tenant whose backups fail for a reason of its own keeps no other waiting, and is tried less and less.
func TestOneTenantFails(t *testing.T) {
	inBubble(t, func(t *testing.T, q *queue.Queue, s *storage) {
		s.set(bucket.ErrUnavailable, "7")
		for range 60 {
			commit(q, 10)
			time.Sleep(2 * interval)
			if status := q.Status(); status.Waiting != 1 || status.Failing["7"] == nil {
				t.Fatalf("%+v", status)
			}
		}
		if got := s.tried(); got > 9*60+20 {
			t.Errorf("%d backups were tried", got)
		}
		s.set(nil, "")
		time.Sleep(5 * time.Minute)
		if status := q.Status(); status.Waiting != 0 {
			t.Errorf("%+v", status)
		}
	})
}

// TestFlushGivesUp: the last backups of a process that stops don't try each tenant if the storage can't be used.
func TestFlushGivesUp(t *testing.T) {
	inBubble(t, func(t *testing.T, q *queue.Queue, s *storage) {
		s.set(bucket.ErrUnavailable, "")
		commit(q, 1000)
		begun := time.Now()
		if err := q.Flush(t.Context()); !errors.Is(err, bucket.ErrUnavailable) || time.Since(begun) > time.Second {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
		if got := s.tried(); got > 2*workers {
			t.Errorf("%d backups were tried", got)
		}
	})
}
