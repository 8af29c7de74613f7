package handlers_test

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// invitedReply answers who invites.
type invitedReply struct {
	ID         int64
	Invitation struct {
		URL       string
		ExpiresAt time.Time `json:"expires_at"`
	}
}

// invited makes a member and returns their id and the text of their invitation.
func (a *api) invited(t testing.TB, name string) (id int64, token string) {
	t.Helper()
	var made invitedReply
	decode(t, a.must(t, 201, "POST", "/api/users", fmt.Sprintf(`{"email":"%s@acme.test","name":%q}`, strings.ToLower(name), name)), &made)
	return made.ID, tokenOf(t, made.Invitation.URL)
}

func tokenOf(t testing.TB, link string) string {
	t.Helper()
	parsed, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Query().Get("token")
}

// acceptance is the body that accepts an invitation.
func acceptance(t testing.TB, token, password string) string {
	t.Helper()
	return fmt.Sprintf(`{"token":%s,"password":%s}`, quoted(t, token), quoted(t, password))
}

// accept is a scenario of accepting an invitation.
func accept(t testing.TB, name, token string, status int, contains ...string) scenario {
	t.Helper()
	return scenario{name: name, method: "POST", path: "/api/invitation", body: acceptance(t, token, otherPassword),
		header: []string{"Authorization", ""}, status: status, contains: contains}
}

func TestInvitations(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		id, token := a.invited(t, "Ida")
		const stale = "This invitation is not valid, or no longer"
		runAll(t, a, []scenario{
			accept(t, "accepted", token, 201, `"token":"tnts_`, `"email":"ida@acme.test"`, `"role":"member"`),
			accept(t, "replayed", token, 401, "problem:unauthenticated", stale),
			accept(t, "truncated", token[:len(token)-1], 401, stale),
			accept(t, "empty", "", 401, stale),
			accept(t, "a session", a.member, 401, stale),
			accept(t, "made up", "tnti_"+strings.Repeat("A", 43), 401, stale),
		})
		a.signIn(t, "ida@acme.test", otherPassword)

		path := fmt.Sprintf("/api/users/%d/invitation", id)
		var again, newer struct{ URL string }
		decode(t, a.must(t, 201, "POST", path, ""), &again)
		decode(t, a.must(t, 201, "POST", path, ""), &newer)
		signedIn := a.signIn(t, "ida@acme.test", otherPassword)
		runAll(t, a, []scenario{
			{name: "by a member", method: "POST", path: path, header: bearer(a.member), status: 403, contains: []string{"problem:forbidden"}},
			{name: "of nobody", method: "POST", path: "/api/users/99/invitation", status: 404},
			accept(t, "replaced", tokenOf(t, again.URL), 401, stale),
			accept(t, "the newer", tokenOf(t, newer.URL), 201),
			refused("sessions from before", bearer(signedIn.Token)...),
		})
		_, last := a.invited(t, "Lea")
		a.clock.pass(7 * 24 * time.Hour)
		admin := a.signIn(t, "admin@acme.test", password)
		a.admin = admin.Token
		accept(t, "expired", last, 401, stale).run(t, a)
	})
}

func TestInvitationsWorkOnceWhenTwoTry(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		_, token := a.invited(t, "Ida")
		var mu sync.Mutex
		seen := map[int]int{}
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				reply := a.send(t, "POST", "/api/invitation", acceptance(t, token, otherPassword), "Authorization", "")
				mu.Lock()
				defer mu.Unlock()
				seen[reply.Code]++
			})
		}
		all.Wait()
		if seen[201] != 1 || seen[401] != 5 {
			t.Errorf("statuses and how often: %v", seen)
		}
	})
}

func TestAnotherAddressEndsInvitations(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		id, token := a.invited(t, "Ida")
		a.must(t, 200, "PATCH", fmt.Sprintf("/api/users/%d", id), `{"role":"admin"}`)
		a.must(t, 200, "PATCH", fmt.Sprintf("/api/users/%d", id), `{"email":"ida@globex.test"}`)
		accept(t, "sent to the old address", token, 401).run(t, a)
	})
}
