package handlers_test

import (
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/account"
	"tenantry/handlers/auth"
	"tenantry/models"
	"tenantry/tenants/visits"
)

// quickHasher is for tests alone.
func quickHasher() *auth.Hasher {
	return auth.NewHasherWith(auth.Params{Memory: 8, Passes: 1, Lanes: 1}, 0)
}

func (a *api) newAccounts(hasher *auth.Hasher, mails bool) *account.Accounts {
	return account.New(account.Options{
		Store: a.store, Hasher: hasher, Mails: mails, Visits: visits.New(a.store.Master()), Log: a.log.logger(), Now: a.clock.now,
		Origin: func(subdomain string) string { return "https://" + subdomain + ".example.com" },
		TLS:    func(c *gin.Context) bool { return c.GetHeader("X-Test-TLS") != "" },
	})
}

// seedPeople makes the admin and the member, and their sessions.
func (a *api) seedPeople(t testing.TB) {
	t.Helper()
	a.admin = a.seedUser(t, models.User{ID: adminID, Email: "admin@acme.test", Name: "Admin", Role: models.RoleAdmin})
	a.member = a.seedUser(t, models.User{ID: memberID, Email: "member@acme.test", Name: "Member", Role: models.RoleMember})
}

// seedUser stores a user with the password of all tests, and returns a session.
func (a *api) seedUser(t testing.TB, user models.User) (session string) {
	t.Helper()
	hash, err := quickHasher().Hash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	session, digest := auth.Mint(a.tenant.ID, auth.KindSession)
	user.PasswordHash = &hash
	used := a.clock.now()
	user.Credentials = []models.Credential{{
		Kind: models.KindSession, Digest: digest, ExpiresAt: used.Add(24 * time.Hour), LastUsedAt: &used,
	}}
	a.update(t, func(tx *gorm.DB) error { return tx.Create(&user).Error })
	return session
}

// clock is a clock that tests set. It is safe for concurrent use.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// wired is the API with other accounts.
func (a *api) wired(t testing.TB, accounts *account.Accounts) *api {
	t.Helper()
	b := *a
	b.accounts = accounts
	b.mount(t)
	return &b
}
