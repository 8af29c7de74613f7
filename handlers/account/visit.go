package account

import (
	"database/sql"
	"errors"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/auth"
	"tenantry/handlers/problem"
	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/visits"
	"tenantry/tenants/web"
)

var (
	// errVisitOver is returned for every kind of invalid visit.
	errVisitOver = problem.New(problem.ErrUnauthenticated, "This visit is over, and nothing was stored.")
	// errOutOfReach is returned for what an operator may not do, so that a visit gives no lasting access.
	errOutOfReach = problem.ErrOutOfReach
)

// kindVisit is the kind of an Identity's credential on a visit. It is never stored.
const kindVisit models.CredentialKind = "visit"

type (
	// visitKey is the key of the foundVisit of a request.
	visitKey struct{}
	// admittedKey marks requests of visits that Present has let pass.
	admittedKey struct{}
)

// foundVisit is what visitOf found out about a request.
type foundVisit struct {
	visit *tenants.Visit
	err   error
}

// VisitOf returns the visit that the request belongs to, or nil: also if it is over.
func (a *Accounts) VisitOf(c *gin.Context) *tenants.Visit {
	visit, _ := a.visitOf(c)
	return visit
}

// VisitEnded reports whether the request carries the cookie of a visit that is over, which the answer takes away.
func (a *Accounts) VisitEnded(c *gin.Context) bool {
	_, err := a.visitOf(c)
	return errors.Is(err, errVisitOver)
}

// visitOf returns the visit whose cookie the request carries, or nil if it carries none. A bearer token counts before the
// cookie, and the cookie before that of a session, also when the visit is over: then the request fails, because the form
// that it sends was meant for another person. Returns errVisitOver.
func (a *Accounts) visitOf(c *gin.Context) (*tenants.Visit, error) {
	value, ok := c.Get(visitKey{})
	if !ok {
		return a.visitNow(c)
	}
	found := value.(foundVisit)
	return found.visit, found.err
}

// visitNow is visitOf as the master has the visit by now. What it finds counts for the rest of the request.
func (a *Accounts) visitNow(c *gin.Context) (*tenants.Visit, error) {
	visit, err := a.findVisit(c)
	if errors.Is(err, visits.ErrOver) || errors.Is(err, auth.ErrMalformed) {
		a.setVisitCookie(c, "", -1)
		err = errVisitOver
	}
	c.Set(visitKey{}, foundVisit{visit, err})
	return visit, err
}

// findVisit looks for the visit whose cookie the request carries. It returns nil if the request carries none.
func (a *Accounts) findVisit(c *gin.Context) (*tenants.Visit, error) {
	if a.visits == nil {
		return nil, nil
	}
	for _, line := range c.Request.Header.Values("Authorization") {
		if _, err := auth.Bearer(line); !errors.Is(err, auth.ErrMissing) {
			return nil, nil
		}
	}
	tenant := web.From(c).ID
	presented, err := auth.FromHeader(tenant, c.Request.Header, auth.VisitCookieName(a.tls(c)))
	switch {
	case errors.Is(err, auth.ErrMissing):
		return nil, nil
	case err != nil:
		return nil, err
	case presented.Kind != auth.KindVisit:
		return nil, auth.ErrMalformed
	}
	return a.visits.BySession(c.Request.Context(), tenant, presented.Digest)
}

// setVisitCookie gives the client the cookie of a visit, for so many seconds. It is as strict as that of a session.
func (a *Accounts) setVisitCookie(c *gin.Context, value string, seconds int) {
	cookie := a.cookie(c, value)
	cookie.Name, cookie.MaxAge = auth.VisitCookieName(cookie.Secure), seconds
	http.SetCookie(c.Writer, cookie)
}

// admit lets the request of a visit pass, or returns the reason why not. One that may only read can't write whatever its
// route does: see tenants.WithReadingOnly.
func admit(c *gin.Context, visit *tenants.Visit) error {
	if isOutOfReach(c.Request.Method, c.FullPath()) {
		return errOutOfReach
	}
	if !visit.Writes {
		c.Request = c.Request.WithContext(tenants.WithReadingOnly(c.Request.Context()))
		if !isRead(c.Request.Method) { // refused before its body is read
			return tenants.ErrReadingOnly
		}
	}
	c.Set(admittedKey{}, true)
	return nil
}

// isRead reports whether requests with the method only read.
func isRead(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// isOutOfReach reports whether a route is closed to visits, with or without writing: what belongs to the person alone, and
// what would let the operator, or another person, in for longer than the visit.
func isOutOfReach(method, route string) bool {
	path := strings.TrimPrefix(route, "/api")
	for _, own := range []string{"/account", "/me", "/tokens", "/sessions", "/session", "/sign-out"} {
		if path == own || strings.HasPrefix(path, own+"/") {
			return route != "/api/me"
		}
	}
	for _, people := range []string{"/people", "/users"} {
		if path == people || strings.HasPrefix(path, people+"/") {
			return !isRead(method)
		}
	}
	return false
}

// visiting returns the user whom the request's visit is for; err is what visitOf returned with it. A request that may write
// is looked at again, because the visit may have ended while its body came. Returns errVisitOver if the visit is over, if
// there is no such user any more, or if their address has changed.
func (a *Accounts) visiting(c *gin.Context, tx *gorm.DB, visit *tenants.Visit, err error) (*Identity, error) {
	if err == nil && !isRead(c.Request.Method) {
		visit, err = a.visitNow(c)
	}
	if err != nil {
		return nil, err
	}
	if !c.GetBool(admittedKey{}) { // a route without Present
		return nil, errOutOfReach
	}
	who := Identity{Kind: kindVisit, Visit: visit}
	err = tx.Raw("SELECT id, email, name, role FROM users WHERE id = ? AND email = ?", visit.UserID, visit.Email).Row().
		Scan(&who.UserID, &who.Email, &who.Name, &who.Role)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, errVisitOver
	}
	return &who, err
}
