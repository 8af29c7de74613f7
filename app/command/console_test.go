package command

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// TestConsoleWithoutMaster says what to do, and begins and ends no session. The metrics have an alert.
func TestConsoleWithoutMaster(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		a := s.open(t)
		handler := a.Operator(t.Context(), operatorSecret)
		send := func(method, path, cookie string, form url.Values) *httptest.ResponseRecorder {
			r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Accept", "text/html")
			r.Header.Set("Cookie", cookie)
			r.Host = "localhost"
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			return w
		}
		if err := a.Store().Master().Close(); err != nil {
			t.Fatal(err)
		}
		entered := send(http.MethodPost, "/sign-in", "", url.Values{"token": {operatorSecret}})
		cookie, _, _ := strings.Cut(entered.Header().Get("Set-Cookie"), ";")
		if entered.Code != http.StatusSeeOther || cookie == "" {
			t.Fatalf("%d %v", entered.Code, entered.Header())
		}
		for _, path := range []string{"/", "/tenants", "/tenants/acme", "/operations", "/migrations", "/servers"} {
			r := send(http.MethodGet, path, cookie, nil)
			if r.Code != http.StatusInternalServerError || !strings.Contains(r.Body.String(), "The log says more") {
				t.Errorf("%s: %d %.1500s", path, r.Code, r.Body)
			}
		}
		r := httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody)
		r.Header.Set("Authorization", "Bearer "+operatorSecret)
		r.Host = "localhost"
		w := httptest.NewRecorder()
		if handler.ServeHTTP(w, r); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `tenantry_alert{kind="master_down"} 1`) {
			t.Errorf("the metrics don't tell: %d %.3000s", w.Code, w.Body)
		}
		for _, path := range []string{"/new", "/doctor"} {
			if r := send(http.MethodGet, path, cookie, nil); r.Code != http.StatusOK {
				t.Errorf("%s: %d", path, r.Code)
			}
		}
	})
}

// TestConsoleIsHardened as the tenants' pages are, and nothing of it is kept.
func TestConsoleIsHardened(t *testing.T) {
	t.Parallel()
	s := newSQLite(t).with("TENANTRY_OPERATOR_TOKEN=" + operatorSecret)
	s.create(t, "acme")
	srv := s.serve(t)
	form := "token=" + operatorSecret
	entered := send(t, srv.operator, fmt.Sprintf("POST /sign-in HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"+
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", len(form), form))
	expectHardened(t, entered)
	cookie, _, _ := strings.Cut(entered.header.Get("Set-Cookie"), ";")
	paths := []string{"/", "/sign-in", "/tenants", "/tenants/acme", "/new", "/operations", "/migrations", "/servers", "/manual",
		"/doctor", "/nothing"}
	for _, path := range paths {
		r := send(t, srv.operator, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n"+
			"Cookie: "+cookie+"\r\nConnection: close\r\n\r\n")
		expectHardened(t, r)
		if want := strings.TrimPrefix(path, "/") != "nothing"; (r.status == http.StatusOK) != want {
			t.Errorf("%s: %d", path, r.status)
		}
	}
	for _, path := range paths {
		r := send(t, srv.public, "GET "+path+" HTTP/1.1\r\nHost: acme.localhost\r\nAccept: application/json\r\n"+
			"Cookie: "+cookie+"\r\nConnection: close\r\n\r\n")
		if strings.Contains(r.body, "Console") {
			t.Errorf("the public listener has %s: %d", path, r.status)
		}
	}
}
