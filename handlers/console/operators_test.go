package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// TestOperators makes an account in the console, signs in with its token, and takes it away again.
func TestOperators(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		send := func(path, cookie string, form url.Values) reply { return s.send(t, request(t, path, cookie, form)) }
		r := send("/operators", s.session, url.Values{"name": {"bob"}, "role": {"viewer"}})
		token := regexp.MustCompile(`tnto_[A-Za-z0-9_-]{43}`).FindString(r.body)
		if r.status != http.StatusCreated || token == "" {
			t.Fatalf("%d %s", r.status, r.body)
		}
		if r := send("/operators", s.session, nil); strings.Contains(r.body, "tnto_") || !strings.Contains(r.body, "bob") {
			t.Errorf("the list: %d %s", r.status, r.body)
		}
		r = send("/sign-in", "", url.Values{"token": {token}, "name": {"Mallory"}})
		bob, _, _ := strings.Cut(r.header.Get("Set-Cookie"), ";")
		if r := send("/tenants", bob, nil); r.status != http.StatusOK || !strings.Contains(r.body, ">bob <") || strings.Contains(r.body, "Mallory") || strings.Contains(r.body, `href="/operators"`) {
			t.Errorf("a viewer's page: %d %s", r.status, r.body)
		}
		for path, form := range map[string]url.Values{
			"/operators": nil, "/operators/bob/role": {"role": {"owner"}}, "/tenants": {"subdomain": {"acme"}}, "/tenants/acme/purge": {}, "/doctor": {},
		} {
			if r := send(path, bob, form); r.status != http.StatusForbidden {
				t.Errorf("a viewer at %s: %d %s", path, r.status, r.body)
			}
		}
		send("/operators/bob/role", s.session, url.Values{"role": {"operator"}}).leads(t, "/operators")
		if r := send("/tenants/nope/suspend", bob, url.Values{}); r.status != http.StatusNotFound {
			t.Errorf("an operator suspends what isn't there: %d %s", r.status, r.body)
		}
		send("/operators/bob/remove", s.session, url.Values{}).leads(t, "/operators")
		send("/tenants", bob, nil).leads(t, "/sign-in?next=%2Ftenants")
		if r := send("/operations?kind=operator-role", s.session, nil); !strings.Contains(r.body, "Change the role of operator bob to operator") || strings.Contains(r.body, `href="/tenants/"`) {
			t.Errorf("the ledger: %d %s", r.status, r.body)
		}
		if r := send("/sign-in", "", url.Values{"token": {token}}); r.status != http.StatusUnauthorized {
			t.Errorf("a removed operator signs in: %d %s", r.status, r.body)
		}
		for _, form := range []url.Values{{"name": {"Bob"}, "role": {"viewer"}}, {"name": {"bob"}, "role": {"root"}}, {"name": {""}, "role": {"viewer"}}} {
			if r := send("/operators", s.session, form); r.status != http.StatusUnprocessableEntity {
				t.Errorf("%v: %d %s", form, r.status, r.body)
			}
		}
	})
}
