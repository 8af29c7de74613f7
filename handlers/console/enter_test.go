package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// TestEnter chooses a person and gives a reason. Viewers see neither the people nor the way there.
func TestEnter(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.Tenant(t, "acme")
		send := func(path, cookie string, form url.Values) reply { return s.send(t, request(t, path, cookie, form)) }
		r := send("/operators", s.session, url.Values{"name": {"bob"}, "role": {"viewer"}})
		r = send("/sign-in", "", url.Values{"token": {regexp.MustCompile(`tnto_[A-Za-z0-9_-]{43}`).FindString(r.body)}})
		bob, _, _ := strings.Cut(r.header.Get("Set-Cookie"), ";")
		const link = `href="/tenants/acme/enter"`
		if r := send("/tenants/acme", bob, nil); r.status != http.StatusOK || strings.Contains(r.body, link) {
			t.Errorf("a viewer's page: %d", r.status)
		}
		if r := send("/tenants/acme/enter", bob, nil); r.status != http.StatusForbidden || strings.Contains(r.body, "ida@") {
			t.Errorf("a viewer: %d %s", r.status, r.body)
		}
		if r := send("/tenants/acme", s.session, nil); !strings.Contains(r.body, link) {
			t.Errorf("an owner's page: %s", r.body)
		}
		if r := send("/tenants/acme/enter", s.session, nil); r.status != http.StatusOK || !strings.Contains(r.body, "Ida &lt;b&gt; (ida@acme.test)") {
			t.Errorf("the form: %d %s", r.status, r.body)
		}
		form := url.Values{"user": {"ida@acme.test"}, "reason": {""}, "write": {"true"}}
		if r := send("/tenants/acme/enter", s.session, form); r.status != http.StatusUnprocessableEntity || !strings.Contains(r.body, "must not be blank") {
			t.Errorf("no reason: %d %s", r.status, r.body)
		}
		form.Set("reason", "her <i>board</i>")
		if r := send("/tenants/acme/enter", s.session, form); r.status != http.StatusCreated || !strings.Contains(r.body, "https://acme.test/enter?token=T") || !strings.Contains(r.body, `rel="noopener noreferrer"`) {
			t.Errorf("the link: %d %s", r.status, r.body)
		}
		if r := send("/tenants/acme", s.session, nil); !strings.Contains(r.body, "Enter as ida@acme.test, to write: her &lt;i&gt;board") || strings.Contains(r.body, "token=T") {
			t.Errorf("the tenant's page afterwards: %s", r.body)
		}
		s.crowded = true
		if r := send("/tenants/acme/enter", s.session, nil); !strings.Contains(r.body, `type="email"`) || strings.Contains(r.body, "ida@") {
			t.Errorf("with many people: %s", r.body)
		}
	})
}
