package pages_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"gorm.io/gorm"

	"tenantry/handlers/pages"
	"tenantry/models"
)

func TestSignInPage(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.get(t, "", "/").leads(t, "/sign-in")
		s.get(t, "", "/projects/7?todo=x").leads(t, "/sign-in?next="+url.QueryEscape("/projects/7?todo=x"))
		s.get(t, "", "/sign-in?next=/projects/7").expect(t, 200, `value="/projects/7"`, `action="/sign-in"`, `autocomplete="current-password"`, "", "Sign out")
		s.post(t, "", "/sign-in", "email", "ada@acme.test", "password", "wrong").
			expect(t, 401, `value="ada@acme.test"`, "No account has this e-mail address", "", "wrong\"")
		s.post(t, "", "/sign-in", "email", "no address", "password", "x").expect(t, 422, `aria-invalid="true"`, "E-mail address ")
		in := s.post(t, "", "/sign-in", "email", "ada@acme.test", "password", password, "next", "/projects/7").leads(t, "/projects/7")
		cookie := in.header.Get("Set-Cookie")
		for _, part := range []string{"session=tnts_", "HttpOnly", "SameSite=Lax", "Path=/"} {
			if !strings.Contains(cookie, part) {
				t.Errorf("cookie %q lacks %q", cookie, part)
			}
		}
		if strings.Contains(cookie, "Domain") {
			t.Errorf("cookie %q goes to other hosts", cookie)
		}
		session, _, _ := strings.Cut(strings.TrimPrefix(cookie, "session="), ";")
		s.get(t, session, "/").expect(t, 200, "Sign out", "Ada")
		s.post(t, session, "/sign-out").leads(t, "/sign-in")
		s.get(t, session, "/").leads(t, "/sign-in")
	})
}

// TestSignInLeadsNowhereElse: who signs in stays at this host.
func TestSignInLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		for next, want := range map[string]string{
			"":                       "/",
			"/projects/7?a=b":        "/projects/7?a=b",
			"//evil.example":         "/",
			"///evil.example":        "/",
			`/\evil.example`:         "/",
			`\/evil.example`:         "/",
			"/\t/evil.example":       "/",
			"/\n/evil.example":       "/",
			"https://evil.example":   "/",
			"https:evil.example":     "/",
			"javascript:alert(1)":    "/",
			"evil.example":           "/",
			"/%2Fevil.example":       "/",
			"/.//evil.example":       "/evil.example", // a path of this host
			"/api/projects":          "/",
			"/sign-in?next=/sign-in": "/",
			"/%zz":                   "/",
		} {
			s.post(t, "", "/sign-in", "email", "ben@acme.test", "password", password, "next", next).leads(t, want)
		}
	})
}

// FuzzLocalPath: whatever a link says, browsers stay at the host that they are at.
func FuzzLocalPath(f *testing.F) {
	for _, text := range []string{"/projects/1?todo=x#t1", "//evil.example", `/\evil.example`, "https:evil.example", "/%2F/evil", "/..//evil.example", "/@evil.example"} {
		f.Add(text)
	}
	home, err := url.Parse("http://acme.localhost/sign-in")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := pages.LocalPath(text)
		there, err := home.Parse(got)
		if err != nil || there.Host != home.Host || there.Scheme != home.Scheme || !strings.HasPrefix(got, "/") || strings.HasPrefix(got, "//") || strings.ContainsAny(got, "\\\t\r\n") {
			t.Errorf("%q leads to %q: %v, %v", text, got, there, err)
		}
	})
}

func TestTooManyTries(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		for range 5 {
			s.post(t, "", "/sign-in", "email", "ada@acme.test", "password", "wrong").expect(t, 401)
		}
		got := s.post(t, "", "/sign-in", "email", "ada@acme.test", "password", password).expect(t, 429, "Try again in 15 minutes")
		if got.header.Get("Retry-After") == "" || got.header.Get("Set-Cookie") != "" {
			t.Errorf("headers %v", got.header)
		}
	})
}

// TestFormsFromElsewhere: no page of another origin sends forms, siblings'
// included, whether there is a cookie or not.
func TestFormsFromElsewhere(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		form := url.Values{"email": {"ada@acme.test"}, "password": {password}, "name": {"Intruder"}}
		for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "http://globex.localhost"}} {
			for path, session := range map[string]string{"/sign-in": "", "/projects": s.admin} {
				got := s.send(t, newRequest(t, "acme.localhost", path, session, form, header...)).expect(t, 403, "another origin")
				if got.header.Get("Set-Cookie") != "" {
					t.Errorf("%s: signed in", path)
				}
			}
		}
		s.get(t, s.admin, "/").expect(t, 200, "", "Intruder")
	})
}

func TestInvitationPage(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		made := s.post(t, s.admin, "/people", "name", "Ida", "email", "ida@acme.test", "role", "member").expect(t, 201, "Ida", "shown only now")
		_, link, _ := strings.Cut(made.body, "http://acme.localhost:8080")
		link, _, _ = strings.Cut(link, "<")
		_, token, _ := strings.Cut(link, "token=")
		for range 2 { // looking doesn't use it up
			s.get(t, "", link).expect(t, 200, "ida@acme.test", token, `type="password"`)
		}
		for _, bad := range []struct {
			status              int
			token, pass, answer string
		}{
			{422, token, "short", "at least 12 bytes"},
			{422, token, strings.Repeat("x", 1025), "at most 1024 bytes"},
			{422, token, "not \xff\xfe Unicode", "valid Unicode"},
			{413, token, strings.Repeat("x", 64<<10), "larger than is accepted"},
			{401, "<b>", otherPassword, "not valid"},
		} {
			got := s.post(t, "", "/invitation", "token", bad.token, "password", bad.pass).expect(t, bad.status, bad.answer, "", "<b>")
			if got.header.Get("Set-Cookie") != "" {
				t.Errorf("%s: signed in", bad.answer)
			}
		}
		if got := s.post(t, "", "/invitation", "token", token, "password", otherPassword).leads(t, "/"); got.header.Get("Set-Cookie") == "" {
			t.Error("not signed in")
		}
		s.post(t, "", "/invitation", "token", token, "password", otherPassword).expect(t, 401, "not valid", "", "<form")
		s.get(t, "", link).expect(t, 401, "not valid", "", "<form")
		s.get(t, "", "/invitation").expect(t, 401, "not valid")
		s.post(t, "", "/sign-in", "email", "ida@acme.test", "password", otherPassword).leads(t, "/")
	})
}

func TestPasswordPage(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		_, other := s.person(t, "Cleo", models.RoleMember)
		s.post(t, "", "/account/password", "current_password", password, "new_password", otherPassword).expect(t, 401, "nothing was stored")
		s.post(t, s.member, "/account/password", "current_password", "wrong", "new_password", otherPassword).
			expect(t, 422, "Current password is wrong.", "", `value="wrong"`, otherPassword)
		s.post(t, s.member, "/account/password", "current_password", password, "new_password", "short").expect(t, 422, "New password ")
		s.post(t, s.member, "/account/password", "current_password", password, "new_password", otherPassword).leads(t, "/account?done=password")
		s.get(t, s.member, "/account?done=password").expect(t, 200, "Your password is changed")
		s.get(t, other, "/account").expect(t, 200)
		s.post(t, "", "/sign-in", "email", "ben@acme.test", "password", otherPassword).leads(t, "/")
	})
}

// TestSessionEndedMeanwhile: a browser that asks for a page is sent to the sign-in
// and back. One that sends a form is told that nothing was stored, and keeps what
// was typed.
func TestSessionEndedMeanwhile(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		project := s.project(t, "Office", "Order chairs")
		s.update(t, func(tx *gorm.DB) error { return tx.Where("1 = 1").Delete(&models.Credential{}).Error })
		board := path("/projects/%d", project.ID)
		s.get(t, s.admin, board).leads(t, "/sign-in?next="+url.QueryEscape(board))
		s.post(t, s.admin, board+"/tasks", "title", "Lost").expect(t, 401, "nothing was stored", `href="/sign-in" target="_blank"`, `value="Lost"`)
		for to, form := range map[string]url.Values{board + "/tasks": {"title": {"Lost"}}, board: nil} {
			got := s.send(t, newRequest(t, "acme.localhost", to, s.admin, form, "HX-Request", "true")).expectPart(t, 401)
			if got.header.Get("HX-Redirect") != "" || got.header.Get("WWW-Authenticate") != "" {
				t.Errorf("headers %v", got.header)
			}
		}
		r := newRequest(t, "acme.localhost", "/", "", nil, "Accept", "application/json")
		if got := s.send(t, r); got.status != http.StatusUnauthorized || got.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("a program gets %d %v", got.status, got.header)
		}
	})
}
