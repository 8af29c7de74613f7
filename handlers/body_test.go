package handlers_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"tenantry/handlers/auth"
)

// untouchable is a body that must not be read.
type untouchable struct{ read bool }

func (b *untouchable) Read([]byte) (int, error) {
	b.read = true
	return 0, errors.New("the body was read")
}

// TestBodiesOfStrangersAreNotRead sends bodies with credentials that are worth
// nothing, or no longer.
func TestBodiesOfStrangersAreNotRead(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		invented, _ := auth.Mint(a.tenant.ID, auth.KindToken)
		foreign, _ := auth.Mint("another", auth.KindToken)
		for name, header := range map[string]string{
			"none": "", "not one": "Bearer x", "invented": "Bearer " + invented, "another tenant's": "Bearer " + foreign,
		} {
			body := &untouchable{}
			request := httptest.NewRequest(http.MethodPost, "/api/projects", body)
			request.Host = a.tenant.Subdomain + ".localhost"
			request.Header.Set("Content-Type", "application/json")
			if header != "" {
				request.Header.Set("Authorization", header)
			}
			reply := httptest.NewRecorder()
			a.router.ServeHTTP(reply, request)
			if reply.Code != http.StatusUnauthorized || body.read {
				t.Errorf("%s: %d, read %t", name, reply.Code, body.read)
			}
		}
	})
}

// TestEndedSessionsAreRefusedAtOnce: a credential that was valid a moment ago
// has its body read, and is refused all the same.
func TestEndedSessionsAreRefusedAtOnce(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.must(t, http.StatusCreated, "POST", "/api/projects", `{"name":"Anvils"}`)
		a.must(t, http.StatusNoContent, "DELETE", "/api/session", "")
		a.must(t, http.StatusUnauthorized, "POST", "/api/projects", `{"name":"Rockets"}`)
	})
}
