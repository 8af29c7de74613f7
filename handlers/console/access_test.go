package console_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestSignIn(t *testing.T) {
	t.Parallel()
	s := small(t)
	s.send(t, request(t, "/sign-in?next=/tenants%3Fstate%3Dactive", "", nil)).expect(t, 200, `type="password"`,
		`value="/tenants?state=active"`)
	for next, want := range map[string]string{"": "/", "/tenants?state=active": "/tenants?state=active",
		"//evil.example": "/", "https://evil.example": "/", "/api/tenants": "/"} {
		r := s.send(t, request(t, "/sign-in", "", url.Values{"token": {" " + token + " "}, "next": {next}})).leads(t,
			want)
		for _, part := range []string{"console=", "HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"} {
			if !strings.Contains(r.header.Get("Set-Cookie"), part) {
				t.Errorf("the cookie lacks %s: %s", part, r.header.Get("Set-Cookie"))
			}
		}
		if cookie := r.header.Get("Set-Cookie"); strings.Contains(cookie, token) ||
			strings.Contains(cookie, "Domain") || strings.Contains(cookie, "Secure") {
			t.Errorf("cookie %s", cookie)
		}
	}
	s.get(t, "/").expect(t, 200, "Overview", "Ada", "Sign out")
	for _, wrong := range []string{"", "sesame", token + "x"} {
		r := s.send(t, request(t, "/sign-in", "", url.Values{"token": {wrong}, "name": {"Ben"}})).expect(t, 401,
			"This is no operator’s token.", "Ben")
		if r.header.Get("Set-Cookie") != "" {
			t.Errorf("%q gets a cookie", wrong)
		}
	}
	s.send(t, request(t, "/sign-in", "", url.Values{"token": {token}, "name": {strings.Repeat("x", 101)}})).expect(t,
		422, "at most 100 characters")
}

// TestSignInOverTLS: nothing but this host can set the cookie.
func TestSignInOverTLS(t *testing.T) {
	t.Parallel()
	s := small(t)
	s.tls = true
	s.get(t, "/").leads(t, "/sign-in") // the cookie of plain HTTP counts for nothing
	r := s.send(t, request(t, "/sign-in", "", url.Values{"token": {token}})).leads(t, "/")
	if cookie := r.header.Get("Set-Cookie"); !strings.HasPrefix(cookie, "__Host-console=") ||
		!strings.Contains(cookie, "; Secure") {
		t.Errorf("cookie %s", cookie)
	}
}

func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	s := small(t)
	other := s.signIn(t, "Ben")
	r := s.post(t, "/sign-out").leads(t, "/sign-in")
	if !strings.Contains(r.header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("%s", r.header.Get("Set-Cookie"))
	}
	s.get(t, "/").leads(t, "/sign-in")
	s.session = other
	s.get(t, "/").expect(t, 200, "Ben")
	s.now = s.now.Add(12 * time.Hour)
	s.get(t, "/").leads(t, "/sign-in")
	first := s.signIn(t, "")
	for i := range 64 {
		s.now = s.now.Add(time.Second)
		s.session = s.signIn(t, fmt.Sprint(i))
	}
	s.get(t, "/").expect(t, 200)
	s.session = first
	s.get(t, "/").leads(t, "/sign-in") // one too many
}

// TestWithoutSession asks for each route without a session: none answers, and a
// page redirects to the sign-in and back.
func TestWithoutSession(t *testing.T) {
	t.Parallel()
	s := small(t)
	for _, cookie := range []string{"", "console=", "console=nonsense", "console=" + token,
		"session=" + strings.TrimPrefix(s.session, "console="), s.session + "; console=x"} {
		s.send(t, request(t, "/", cookie, nil)).leads(t, "/sign-in")
		s.send(t, request(t, "/tenants?state=active", cookie, nil)).leads(t,
			"/sign-in?next=%2Ftenants%3Fstate%3Dactive")
		s.send(t, request(t, "/nothing", cookie, nil)).leads(t, "/sign-in?next=%2Fnothing")
		s.send(t, request(t, "/tenants/acme/suspend", cookie, url.Values{})).expect(t, 401, "nothing was done")
	}
	s.get(t, "/nothing").expect(t, 404, "Not found", "See all tenants")
	r := s.send(t, request(t, "/nothing", "", nil, "Accept", "application/json")).expect(t, 401, "unauthenticated")
	if r.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("a program gets %v", r.header)
	}
}

// TestCookieOpensNoAPI: what changes things by JSON takes the token alone, so
// that no page elsewhere can use a browser's session for it.
func TestCookieOpensNoAPI(t *testing.T) {
	t.Parallel()
	s := small(t)
	s.Tenant(t, "acme")
	for _, accept := range []string{"text/html", "application/json"} {
		for _, path := range []string{"/api/tenants", "/api/tenants/acme", "/api/operations"} {
			s.send(t, request(t, path, s.session, nil, "Accept", accept)).expect(t, 401)
		}
		s.send(t, request(t, "/api/tenants/acme/suspend", s.session, url.Values{}, "Accept", accept)).expect(t, 401)
	}
	s.send(t, request(t, "/api/tenants", "", nil, "Authorization", "Bearer "+token)).expect(t, 200, "acme")
	if got, err := s.Lifecycle.Get(t.Context(), "acme"); err != nil || got.State != "active" {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestOtherOrigins can't have the console do anything, sign-in included.
func TestOtherOrigins(t *testing.T) {
	t.Parallel()
	s := small(t)
	for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"},
		{"Origin", "http://acme.localhost:8080"}, {"Origin", "null"}} {
		for _, path := range []string{"/sign-in", "/sign-out"} {
			r := s.send(t, request(t, path, s.session, url.Values{"token": {token}}, header...)).expect(t, 403,
				"another origin")
			if r.header.Get("Set-Cookie") != "" {
				t.Errorf("%s of %v sets a cookie", path, header)
			}
		}
	}
	s.get(t, "/").expect(t, 200)
	s.send(t, request(t, "/sign-out", s.session, url.Values{}, "Origin", "http://example.com")).leads(t,
		"/sign-in") // itself
}

func TestTooManyTries(t *testing.T) {
	t.Parallel()
	s := small(t)
	try := func(address, text string) reply {
		r := request(t, "/sign-in", "", url.Values{"token": {text}})
		r.RemoteAddr = address + ":1234"
		return s.send(t, r)
	}
	for range 10 {
		try("192.0.2.9", "wrong").expect(t, 401)
	}
	r := try("192.0.2.9", "wrong").expect(t, 429, "too many tries", "15 minutes")
	if r.header.Get("Retry-After") != "900" || r.header.Get("Set-Cookie") != "" {
		t.Errorf("%v", r.header)
	}
	try("[::ffff:192.0.2.9]", "wrong").expect(t, 429) // the same address
	try("192.0.2.9", token).leads(t, "/")             // other tries don't lock the operator out
	try("192.0.2.9", "wrong").expect(t, 429)
	try("192.0.2.8", "wrong").expect(t, 401)
	for i := range 10 {
		try(fmt.Sprintf("[2001:db8::%x]", i+1), "wrong").expect(t, 401)
	}
	try("[2001:db8::ffff]", "wrong").expect(t, 429) // one client's
	try("[2001:db8::1]", token).leads(t, "/")
	try("[2001:db8:0:1::1]", "wrong").expect(t, 401)
	s.now = s.now.Add(15 * time.Minute)
	try("192.0.2.9", "wrong").expect(t, 401)
	for i := range 1000 { // as many as are remembered
		try(fmt.Sprintf("198.51.%d.%d", i/200, i%200), "wrong").expect(t, 401)
	}
	try("203.0.113.1", "wrong").expect(t, 401)
	try("203.0.113.1", token).leads(t, "/")
}

// TestStreamsEndWithTheSession: who signed out is told nothing more.
func TestStreamsEndWithTheSession(t *testing.T) {
	t.Parallel()
	s := small(t)
	ended := make(chan reply)
	begun := make(chan struct{})
	go func() {
		r := request(t, "/new/steps?subdomain=nothing", s.session, nil)
		close(begun)
		ended <- s.send(t, r)
	}()
	<-begun
	select {
	case r := <-ended:
		t.Fatalf("the stream ended by itself: %s", r.body)
	case <-time.After(300 * time.Millisecond):
	}
	s.post(t, "/sign-out").leads(t, "/sign-in")
	select {
	case r := <-ended:
		if strings.Contains(r.body, "event: over") {
			t.Errorf("the stream says that it is over: %s", r.body)
		}
	case <-time.After(30 * time.Second): // less than a stream may last
		t.Error("the stream goes on")
	}
}
