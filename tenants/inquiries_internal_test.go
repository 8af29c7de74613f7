package tenants

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestFloodOfNames: invented names that come faster than the master answers are asked for together, so that a tenant's waits for
// few questions. Names beyond those that may wait are refused at once.
func TestFloodOfNames(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var questions, atOnce, most atomic.Int64
		q := &inquiries{find: func(_ context.Context, names []string) (map[string]inquired, error) {
			questions.Add(1)
			most.Store(max(most.Load(), atOnce.Add(1)))
			defer atOnce.Add(-1)
			time.Sleep(time.Millisecond) // the bubble's clock
			found := map[string]inquired{}
			for _, name := range names {
				if name == "acme" {
					found[name] = inquired{tenant: tenantNamed(name)}
				}
			}
			return found, nil
		}}
		r, err := newRegistry(10, q.ask)
		if err != nil {
			t.Fatal(err)
		}
		var unknown, refused atomic.Int64
		var flood sync.WaitGroup
		ask := func(n int) {
			for i := range n {
				flood.Go(func() {
					switch _, err := r.lookup(t.Context(), fmt.Sprintf("%d-x%d", n, i)); {
					case errors.Is(err, ErrUnknownTenant):
						unknown.Add(1)
					case errors.Is(err, ErrUnavailable):
						refused.Add(1)
					}
				})
			}
			synctest.Wait()
		}
		ask(5000)
		began := time.Now()
		if got, err := r.lookup(t.Context(), "acme"); err != nil || got.ID != "acme" {
			t.Errorf("%v, %v", got, err)
		}
		if waited := time.Since(began); waited > 25*time.Millisecond {
			t.Errorf("the tenant's name waited for %v of the bubble's clock", waited)
		}
		flood.Wait()
		if n := questions.Load(); n > 4+5000/mostAsked+2 || most.Load() > mostInquiries || unknown.Load() != 5000 {
			t.Errorf("%d questions, %d at once; %d of the names are unknown", n, most.Load(), unknown.Load())
		}
		ask(mostWaiting + mostInquiries + 500)
		flood.Wait()
		if n := refused.Load(); n > 500 || n < 500-mostInquiries*(mostAsked-1) {
			t.Errorf("%d are refused", n)
		}
	})
}

// TestInquiriesThatFail fail all who ask, and no later ones.
func TestInquiriesThatFail(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fails := true
		q := &inquiries{find: func(ctx context.Context, _ []string) (map[string]inquired, error) {
			if !fails {
				return nil, nil
			}
			<-ctx.Done()
			return nil, ErrUnavailable
		}}
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if _, err := q.ask(ctx, fmt.Sprint(i)); !errors.Is(err, ErrUnavailable) {
					t.Errorf("%d: %v", i, err)
				}
			})
		}
		all.Wait()
		synctest.Wait()
		fails = false
		if _, err := q.ask(t.Context(), "x"); !errors.Is(err, ErrUnknownTenant) {
			t.Error(err)
		}
	})
}

func TestLengthsOfQuestions(t *testing.T) {
	t.Parallel()
	lengths := map[int]bool{}
	for n := 1; n <= mostAsked; n++ {
		all := make([]inquiry, n)
		for i := range all {
			all[i].name = fmt.Sprint(i)
		}
		names := namesOf(all)
		for i := range all {
			if names[i] != all[i].name {
				t.Errorf("of %d, name %d is %s", n, i, names[i])
			}
		}
		lengths[len(names)] = true
	}
	if len(lengths) != 3 {
		t.Errorf("lengths: %v", lengths)
	}
}

// NamesWaiting returns how many names wait until the master is asked for them.
func (s *Store) NamesWaiting() int {
	s.inquiries.mu.Lock()
	defer s.inquiries.mu.Unlock()
	return len(s.inquiries.waiting)
}
