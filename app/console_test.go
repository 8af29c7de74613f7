package app

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// TestConsoleWithoutMaster tells what to do, and lets nobody in or out for it.
func TestConsoleWithoutMaster(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		a := s.open(t)
		handler := a.operatorHandler(t.Context(), operatorSecret, a.accounts(a.settings.addr))
		send := func(method, path, cookie string, form url.Values) *httptest.ResponseRecorder {
			r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Accept", "text/html")
			r.Header.Set("Cookie", cookie)
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			return w
		}
		if err := a.master.Close(); err != nil {
			t.Fatal(err)
		}
		entered := send(http.MethodPost, "/sign-in", "", url.Values{"token": {operatorSecret}})
		cookie, _, _ := strings.Cut(entered.Header().Get("Set-Cookie"), ";")
		if entered.Code != http.StatusSeeOther || cookie == "" {
			t.Fatalf("%d %v", entered.Code, entered.Header())
		}
		for _, path := range []string{"/", "/tenants", "/tenants/acme", "/operations", "/migrations", "/servers"} {
			r := send(http.MethodGet, path, cookie, nil)
			if r.Code != http.StatusInternalServerError || !strings.Contains(r.Body.String(), "The log tells more") {
				t.Errorf("%s: %d %.1500s", path, r.Code, r.Body)
			}
		}
		for _, path := range []string{"/new", "/doctor"} {
			if r := send(http.MethodGet, path, cookie, nil); r.Code != http.StatusOK {
				t.Errorf("%s: %d", path, r.Code)
			}
		}
	})
}
