package handlers_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/handlers/auth"
	"tenantry/models"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		var made struct {
			ID        int64
			Token     string
			ExpiresAt time.Time `json:"expires_at"`
		}
		decode(t, a.must(t, 201, "POST", "/api/tokens", `{"name":"ci"}`, bearer(a.member)...), &made)
		if days := made.ExpiresAt.Sub(a.clock.now()).Hours() / 24; days < 89.9 || days > 90 || !strings.HasPrefix(made.Token, "tntt_") {
			t.Errorf("made %+v", made)
		}
		path := fmt.Sprintf("/api/tokens/%d", made.ID)
		create := func(body string, status int, contains ...string) scenario {
			return scenario{method: "POST", path: "/api/tokens", body: body, status: status, contains: contains}
		}
		runAll(t, a, []scenario{
			{method: "GET", path: "/api/me", header: bearer(made.Token), status: 200, contains: []string{`"id":-2`}},
			{method: "GET", path: "/api/tokens", header: bearer(a.member), status: 200,
				contains: []string{fmt.Sprintf(`{"id":%d,"name":"ci","user_id":-2,"created_at":"`, made.ID), `"last_used_at":"`, `"next":null`}, lacks: []string{"tntt_", "digest"}},
			{name: "none of the admin's own", method: "GET", path: "/api/tokens", status: 200, contains: []string{`"items":[]`}},
			{method: "GET", path: "/api/tokens?user_id=-2", status: 200, contains: []string{`"ci"`}},
			{method: "GET", path: "/api/tokens?user_id=all", status: 200, contains: []string{`"ci"`}},
			{name: "no session", method: "DELETE", path: "/api/session", header: bearer(made.Token), status: 409, contains: []string{"/api/tokens"}},
			{name: "no session either", method: "DELETE", path: strings.Replace(path, "tokens", "sessions", 1), header: bearer(a.member), status: 404},
			create(`{}`, 422, `"field":"name"`),
			create(`{"name":" "}`, 422, `"field":"name"`),
			create(`{"name":"x","expires_in_days":0}`, 422, `{"field":"expires_in_days","message":"must be from 1 to 365"}`),
			create(`{"name":"x","expires_in_days":366}`, 422, `"field":"expires_in_days"`),
			create(`{"name":"x","expires_in_days":1.5}`, 422, `"field":"expires_in_days"`),
			create(`{"name":"x","user_id":1}`, 422, `"field":"user_id"`),
			{method: "DELETE", path: path, header: bearer(a.member), status: 204},
			{method: "DELETE", path: path, header: bearer(a.member), status: 404},
			refused("revoked", bearer(made.Token)...),
		})
	})
}

func TestTokensExpire(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		var made struct{ Token string }
		decode(t, a.must(t, 201, "POST", "/api/tokens", `{"name":"ci","expires_in_days":1}`), &made)
		a.clock.pass(24 * time.Hour)
		refused("expired", bearer(made.Token)...).run(t, a)
	})
}

func TestTokensAreBounded(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.update(t, func(tx *gorm.DB) error {
			rows := make([]models.Credential, 99)
			for i := range rows {
				_, digest := auth.Mint(a.tenant.ID, auth.KindToken)
				rows[i] = models.Credential{UserID: memberID, Kind: models.KindToken, Digest: digest, Name: "x", ExpiresAt: a.clock.now().Add(time.Hour)}
			}
			return tx.Create(&rows).Error
		})
		runAll(t, a, []scenario{
			{method: "POST", path: "/api/tokens", body: `{"name":"the last"}`, header: bearer(a.member), status: 201},
			{method: "POST", path: "/api/tokens", body: `{"name":"too many"}`, header: bearer(a.member), status: 409, contains: []string{"100 API tokens"}},
			{name: "another's room", method: "POST", path: "/api/tokens", body: `{"name":"x"}`, status: 201},
		})
	})
}
