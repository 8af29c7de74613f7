// Package wait has tests wait for what other goroutines and processes do.
//
// What is waited for should last: a state that passes can be missed between
// two looks. A test's time limits are no expectation of speed.
package wait

import (
	"testing"
	"time"
)

// patience is how long Until and For wait: what is slow for longer is stuck.
const patience = 2 * time.Minute

// Until calls done every few milliseconds until it returns true, and ends the
// test after two minutes with what it waited for. It must be called by the
// test's goroutine, as t.Fatal must.
func Until(t testing.TB, what string, done func() bool) {
	t.Helper()
	Within(t, patience, what, done)
}

// Within is like Until with a limit other than two minutes, for what happens
// anyway after a longer time.
func Within(t testing.TB, limit time.Duration, what string, done func() bool) {
	t.Helper()
	if !poll(limit, done) {
		t.Fatalf("waited %v in vain for %s", limit, what)
	}
}

// For is like Until for a value: it calls get until is returns true of what
// get returned, and returns that. The end of a test that waited in vain shows
// the last value.
func For[T any](t testing.TB, what string, get func() T, is func(T) bool) (got T) {
	t.Helper()
	done := func() bool {
		got = get()
		return is(got)
	}
	if !poll(patience, done) {
		t.Fatalf("waited %v in vain for %s: %+v", patience, what, got)
	}
	return got
}

// poll looks often at first, as most of it happens soon, and more seldom then,
// since a look may cost a query.
func poll(limit time.Duration, done func() bool) bool {
	pause := time.Millisecond
	for deadline := time.Now().Add(limit); !done(); time.Sleep(pause) {
		if time.Now().After(deadline) {
			return false
		}
		pause = min(2*pause, 10*time.Millisecond)
	}
	return true
}
