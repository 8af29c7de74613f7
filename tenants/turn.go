package tenants

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"
)

// turnstile gives the scopes of all tenants on a server fair turns, so that a tenant with many scopes at once slows
// the others down little. While other tenants are active, a tenant has at most most turns at once. If width is set,
// all tenants together have at most width turns, and those that wait for one get it in rotation, whatever the number
// of their scopes.
//
// A turn lasts as long as its scope, but no longer than longestTurn: a scope that takes longer often waits, for its
// client, a disk, or a scope that waits for a turn. It goes on without.
type turnstile struct {
	width int // turns at once; 0 for any number
	most  int // turns of one tenant at once while others are active

	mu    sync.Mutex // protects the fields below and those of every lane and turn
	held  turnList   // turns that are taken, oldest first
	lanes laneList   // lanes in which scopes wait, if width is set, next one first
	waits int        // scopes that wait
	timer *time.Timer

	latest  *lane     // of the scope that came last
	changed time.Time // when a scope last came from another lane than the one before
}

// lane is a tenant at a turnstile.
type lane struct {
	stile   *turnstile
	taken   int
	waiting turnList // in the order in which they came
	node[lane]
}

// turn is a scope at a turnstile. Its zero value has not arrived there.
type turn struct {
	stile *turnstile
	lane  *lane // nil unless the turn is taken or waited for
	since time.Time
	given chan struct{} // closed when the turn is given to a scope that waits
	node[turn]
}

type (
	turnList = list[turn, *turn]
	laneList = list[lane, *lane]
)

const (
	// longestTurn is how long a turn is kept while other scopes wait.
	longestTurn = 25 * time.Millisecond
	// activeTime is how long after the last scope of another tenant a tenant shares the server.
	activeTime = time.Second
)

// enter takes a turn, or waits for one until ctx ends. The caller must leave. Returns ErrBusy if ctx's deadline
// passed, or ctx's error if it was cancelled.
func (l *lane) enter(ctx context.Context, t *turn) error {
	if l == nil {
		return nil
	}
	if l.stile.arrive(l, t) {
		return nil
	}
	select {
	case <-t.given:
		return nil
	case <-ctx.Done():
		return l.stile.giveUp(ctx, t)
	}
}

// arrive takes a turn and returns true, or makes the scope wait.
func (s *turnstile) arrive(l *lane, t *turn) bool {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.latest != l {
		if s.latest != nil {
			s.changed = now
		}
		s.latest = l
	}
	t.stile, t.lane = s, l
	if l.waiting.len == 0 && s.isFree(l, now) {
		s.take(t, now)
		return true
	}
	t.given = make(chan struct{})
	if l.waiting.len == 0 && s.width > 0 {
		s.lanes.push(l)
	}
	l.waiting.push(t)
	s.waits++
	s.watch(now)
	return false
}

// isFree reports whether a scope in the lane may take a turn.
func (s *turnstile) isFree(l *lane, now time.Time) bool {
	if s.width > 0 && s.held.len >= s.width {
		return false
	}
	return l.taken < s.most || now.Sub(s.changed) > activeTime
}

func (s *turnstile) take(t *turn, now time.Time) {
	t.since = now
	t.lane.taken++
	s.held.push(t)
}

// leave ends the turn, if there is one. It is safe to call for a scope that never entered.
func (t *turn) leave() {
	if t.stile == nil {
		return
	}
	t.stile.mu.Lock()
	defer t.stile.mu.Unlock()
	t.stile.end(t)
}

// leaveSlowly is leave for work that isn't urgent: while scopes of others come, the turn lasts twice as long as the work did.
func (t *turn) leaveSlowly() {
	if t.stile == nil {
		return
	}
	t.stile.mu.Lock()
	now := time.Now()
	took, shared := now.Sub(t.since), now.Sub(t.stile.changed) <= activeTime
	t.stile.mu.Unlock()
	if shared {
		time.Sleep(min(took, longestTurn))
	}
	t.leave()
}

// end takes the turn from its scope, unless it has none any more, and gives it to scopes that wait.
func (s *turnstile) end(t *turn) {
	l := t.lane
	if l == nil {
		return
	}
	t.lane = nil
	l.taken--
	s.held.remove(t)
	if s.waits > 0 {
		s.pass(l, time.Now())
	}
}

// pass gives the turns that became free in the lane to scopes that wait. Where width isn't set, only scopes in the
// same lane can have waited for them.
func (s *turnstile) pass(l *lane, now time.Time) {
	if s.width == 0 {
		for l.waiting.len > 0 && s.isFree(l, now) {
			s.give(l, now)
		}
		return
	}
	for l := s.lanes.first; l != nil && s.held.len < s.width; {
		next := l.next
		if s.isFree(l, now) {
			s.give(l, now)
			s.lanes.remove(l)
			if l.waiting.len > 0 {
				s.lanes.push(l)
			}
		}
		l = next
	}
}

// give gives a turn to the first scope that waits in the lane.
func (s *turnstile) give(l *lane, now time.Time) {
	t := l.waiting.first
	s.unqueue(t)
	s.take(t, now)
	close(t.given)
}

func (s *turnstile) unqueue(t *turn) {
	t.lane.waiting.remove(t)
	s.waits--
}

// giveUp ends the wait of a scope. It returns nil if the scope got its turn meanwhile.
func (s *turnstile) giveUp(ctx context.Context, t *turn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-t.given:
		return nil
	default:
	}
	l := t.lane
	s.unqueue(t)
	if l.waiting.len == 0 && s.width > 0 {
		s.lanes.remove(l)
	}
	t.lane = nil
	if err := ctx.Err(); !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("wait for a turn: %w: %w", ErrBusy, ctx.Err())
}

// watch makes sure that turns end in time while scopes wait.
func (s *turnstile) watch(now time.Time) {
	if s.timer == nil && s.waits > 0 && s.held.len > 0 {
		s.timer = time.AfterFunc(s.held.first.since.Add(longestTurn).Sub(now), s.expire)
	}
}

// expire ends the turns that have lasted too long.
func (s *turnstile) expire() {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timer = nil
	for t := s.held.first; t != nil && s.waits > 0 && now.Sub(t.since) >= longestTurn; t = s.held.first {
		s.end(t)
	}
	s.watch(now)
}

// turnstiles are those of a store. It is safe for concurrent use.
type turnstiles struct {
	mu    sync.Mutex
	all   map[string]*turnstile // by server; that of this process under ""
	aside *lane                 // from asideLane; nil until it was called
}

// asideLane returns the lane in which Each visits tenants whose databases are in this process. They share it: beside other
// tenants' scopes all visits together get the turns of one tenant, and each turn includes the opening.
func (s *turnstiles) asideLane() *lane {
	s.mu.Lock()
	aside := s.aside
	s.mu.Unlock()
	if aside != nil {
		return aside
	}
	made := s.laneFor("", InProcess)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.aside = cmp.Or(s.aside, made)
	return s.aside
}

// laneFor returns a new lane for a database on the server. Beside other tenants, a tenant gets half of the
// processors, or as many turns as there are processors if its statements run on another machine's.
func (s *turnstiles) laneFor(server string, place Place) *lane {
	s.mu.Lock()
	defer s.mu.Unlock()
	processors := runtime.GOMAXPROCS(0)
	half := max(1, processors/2)
	stile := turnstile{most: processors}
	switch place {
	case InProcess: // with fewer turns than that, processors idle while a turn passes from scope to scope
		stile, server = turnstile{width: 4 * processors, most: half}, ""
	case SameMachine:
		stile.most = half
	}
	if s.all == nil {
		s.all = map[string]*turnstile{}
	}
	if s.all[server] == nil {
		s.all[server] = &stile
	}
	return &lane{stile: s.all[server]}
}
