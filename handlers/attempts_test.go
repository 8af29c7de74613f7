package handlers_test

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/models"
)

// try signs in from an address.
func (a *api) try(t testing.TB, email, password, from string) int {
	t.Helper()
	reply := a.send(t, "POST", "/api/session", credentials(t, email, password), "Authorization", "", "X-Forwarded-For", from)
	if reply.Code >= 400 {
		checkProblem(t, email, reply)
	}
	return reply.Code
}

// countTries is how many accounts and addresses have tries counted.
func (a *api) countTries(t testing.TB) (n int64) {
	t.Helper()
	a.view(t, func(tx *gorm.DB) error { return tx.Model(&models.SignInAttempts{}).Count(&n).Error })
	return n
}

func TestTriesForAnAccount(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		const email = "member@acme.test"
		for range 4 {
			a.try(t, email, otherPassword, "192.0.2.7")
		}
		if got := a.try(t, email, password, "192.0.2.7"); got != 201 {
			t.Fatalf("the fifth try, with the password: status %d", got)
		}
		for i := range 5 { // counted from the start, from any address, in any case
			if got := a.try(t, "Member@acme.test", otherPassword, fmt.Sprintf("192.0.2.%d", i)); got != 401 {
				t.Errorf("try %d: status %d", i, got)
			}
		}
		a.clock.pass(5 * time.Minute)
		reply := a.send(t, "POST", "/api/session", credentials(t, email, password), "Authorization", "")
		wait, err := strconv.Atoi(reply.Header().Get("Retry-After"))
		if reply.Code != 429 || err != nil || wait != 600 {
			t.Errorf("status %d, Retry-After %d: %s", reply.Code, wait, reply.Body)
		}
		scenario{name: "the password's change counts too", method: "POST", path: "/api/me/password", header: bearer(a.member), status: 429,
			body: fmt.Sprintf(`{"current_password":%q,"new_password":%q}`, password, otherPassword), contains: []string{"problem:too-many-tries"}}.run(t, a)
		a.must(t, 200, "GET", "/api/me", "", bearer(a.member)...) // who is in stays in
		if got := a.try(t, "admin@acme.test", password, "192.0.2.7"); got != 201 {
			t.Errorf("another account: status %d", got)
		}
		a.clock.pass(time.Duration(wait)*time.Second - time.Second)
		if got := a.try(t, email, password, "192.0.2.7"); got != 429 {
			t.Errorf("a second too early: status %d", got)
		}
		a.clock.pass(time.Second)
		if got := a.try(t, email, password, "192.0.2.7"); got != 201 {
			t.Errorf("after the window: status %d", got)
		}
	})
}

func TestTriesFromAnAddress(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		for i := range 50 {
			// One client has 64 bits' worth of addresses.
			if got := a.try(t, fmt.Sprintf("u%d@acme.test", i), password, fmt.Sprintf("2001:db8::%x", i+1)); got != 401 {
				t.Fatalf("try %d: status %d", i, got)
			}
			if i%10 == 0 && a.try(t, "admin@acme.test", password, "2001:db8::1") != 201 {
				t.Fatal("a success counts for the address")
			}
		}
		before := a.countTries(t)
		for i := range 3 {
			if got := a.try(t, fmt.Sprintf("v%d@acme.test", i), password, "2001:db8::1"); got != 429 {
				t.Errorf("the address has tries left: status %d", got)
			}
		}
		if got := a.countTries(t); got != before {
			t.Errorf("an address with no tries left makes %d rows", got-before)
		}
		for from, want := range map[string]int{"2001:db8::ffff": 429, "2001:db8:0:1::1": 201, "192.0.2.7": 201} {
			if got := a.try(t, "admin@acme.test", password, from); got != want {
				t.Errorf("from %s: status %d, want %d", from, got, want)
			}
		}
	})
}

// TestParallelTries sends all tries before any has an answer.
func TestParallelTries(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		var mu sync.Mutex
		seen := map[int]int{}
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				got := a.try(t, "member@acme.test", otherPassword, "192.0.2.7")
				mu.Lock()
				defer mu.Unlock()
				seen[got]++
			})
		}
		all.Wait()
		if seen[401] != 5 || seen[429] != 15 {
			t.Errorf("statuses and how often: %v", seen)
		}
	})
}

func TestTriesAreBounded(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		rows := make([]models.SignInAttempts, 10_050)
		for i := range rows {
			key := fmt.Sprintf("%032d", i)
			rows[i] = models.SignInAttempts{Key: []byte(key), Count: 9, Since: a.clock.now().Add(time.Duration(i) * time.Microsecond)}
		}
		a.update(t, func(tx *gorm.DB) error { return tx.CreateInBatches(&rows, 1000).Error })
		a.clock.pass(time.Minute)
		a.try(t, "member@acme.test", otherPassword, "192.0.2.7")
		if got := a.countTries(t); got != 10_000 {
			t.Errorf("%d rows after a try", got)
		}
		a.clock.pass(15 * time.Minute)
		a.try(t, "member@acme.test", otherPassword, "192.0.2.7")
		if got := a.countTries(t); got != 9900 {
			t.Errorf("%d rows after a try in the next window", got)
		}
	})
}

// TestTriesOfManyAtOnce has rows of ended windows to sweep: who sweeps must not
// wait for another who does.
func TestTriesOfManyAtOnce(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		for round := range 3 {
			var all sync.WaitGroup
			for i := range 16 {
				all.Go(func() {
					account, from := fmt.Sprintf("u%d@acme.test", (i+round)%8), fmt.Sprintf("192.0.2.%d", i%4)
					if got := a.try(t, account, password, from); got != 401 {
						t.Errorf("%s from %s: status %d", account, from, got)
					}
				})
			}
			all.Wait()
			a.clock.pass(time.Hour)
		}
	})
}

// TestLockedOutTriesWriteNothing tries again and again from an address, and for
// an account, that has no tries left.
func TestLockedOutTriesWriteNothing(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		for i := range 50 {
			a.try(t, fmt.Sprintf("u%d@acme.test", i), password, "192.0.2.1")
		}
		for range 5 {
			a.try(t, "member@acme.test", otherPassword, "192.0.2.2")
		}
		var before, after []models.SignInAttempts
		a.view(t, func(tx *gorm.DB) error { return tx.Order("key").Find(&before).Error })
		for i := range 100 {
			for email, from := range map[string]string{fmt.Sprintf("v%d@acme.test", i): "192.0.2.1", "member@acme.test": "192.0.2.2"} {
				if got := a.try(t, email, password, from); got != 429 {
					t.Fatalf("%s from %s: status %d", email, from, got)
				}
			}
		}
		a.view(t, func(tx *gorm.DB) error { return tx.Order("key").Find(&after).Error })
		if !slices.EqualFunc(before, after, func(x, y models.SignInAttempts) bool { return x.Count == y.Count && x.Since.Equal(y.Since) }) {
			t.Error("refused tries were written down")
		}
	})
}
