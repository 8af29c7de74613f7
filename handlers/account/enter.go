package account

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/auth"
	"tenantry/handlers/problem"
	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/operators"
	"tenantry/tenants/text"
	"tenantry/tenants/visits"
	"tenantry/tenants/web"
)

// LetIn makes a link with which an operator enters the tenant as the user with the address, and records it in the ledger.
// who is the operator as they signed in. Returns visits.ErrUnknownPerson, or the errors of visits.Visits' Ask.
func (a *Accounts) LetIn(ctx context.Context, manager *lifecycle.Manager, by lifecycle.Operator, who operators.Identity, subdomain string, e lifecycle.Entry) (*visits.Entrance, error) {
	if err := visits.CheckReason(e.Reason); err != nil {
		return nil, err
	}
	t, err := manager.Get(ctx, subdomain)
	if err != nil {
		return nil, err
	}
	if t.State != tenants.StateActive {
		return nil, fmt.Errorf("%w, and it is %s", visits.ErrNotActive, t.State)
	}
	var user models.User
	err = a.store.View(ctx, t, func(tx *gorm.DB) (err error) {
		user, err = userAt(tx, e.Email)
		return err
	})
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, fmt.Errorf("%q: %w", e.Email, visits.ErrUnknownPerson)
	}
	if err != nil {
		return nil, err
	}
	e.Email = user.Email
	link, digest := auth.Mint(t.ID, auth.KindEntry)
	visit, err := a.visits.Ask(ctx, manager, by, who, t.ID, visits.Request{Entry: e, UserID: user.ID, Link: digest})
	if err != nil {
		return nil, err
	}
	return &visits.Entrance{Visit: visit, Tenant: t, URL: a.origin(t.Address()) + "/enter?token=" + link}, nil
}

// EntryPeople returns the first people of a tenant by name, at most so many, with only their names and addresses, and
// whether there are more.
func (a *Accounts) EntryPeople(ctx context.Context, t *tenants.Tenant, most int) (people []models.User, more bool, err error) {
	err = a.store.View(ctx, t, func(tx *gorm.DB) error {
		return tx.Select("id", "name", "email").Order("name, id").Limit(most + 1).Find(&people).Error
	})
	if len(people) > most {
		people, more = people[:most], true
	}
	return people, more, err
}

// errNoEntry is returned for every kind of invalid link.
var errNoEntry = problem.New(problem.ErrUnauthenticated, "This link is not valid, or no longer: it works once, for a minute. Ask for another in the console.")

// Visits reports whether operators can enter tenants.
func (a *Accounts) Visits() bool { return a.visits != nil }

// Entry returns the visit for which a link with this text was made. It doesn't use the link up.
func (a *Accounts) Entry(ctx context.Context, t *tenants.Tenant, link string) (*tenants.Visit, error) {
	kind, digest, err := auth.Digest(t.ID, link)
	if err != nil || kind != auth.KindEntry {
		return nil, errNoEntry
	}
	visit, err := a.visits.ByLink(ctx, t.ID, digest)
	return visit, explainOver(err)
}

func explainOver(err error) error {
	if errors.Is(err, visits.ErrOver) {
		return errNoEntry
	}
	return err
}

// BeginVisit uses up a link, and gives the client the visit's cookie. The tenant is told before the visit begins. It ends the
// visit whose cookie the client had, which can't be left any more.
func (a *Accounts) BeginVisit(c *gin.Context, link string) error {
	ctx, t := c.Request.Context(), web.From(c)
	visit, err := a.Entry(ctx, t, link)
	if err != nil {
		return err
	}
	session, digest := auth.Mint(t.ID, auth.KindVisit)
	err = a.inTenant(ctx, t, func(tx *gorm.DB) error {
		var users int64
		err := tx.Model(&models.User{}).Where("id = ? AND email = ?", visit.UserID, visit.Email).Count(&users).Error
		if err == nil && users == 0 {
			err = errNoEntry
		}
		if err != nil {
			return err
		}
		if err := recordVisit(tx, visit, "began", beginning(visit)); err != nil {
			return err
		}
		return a.visits.Begin(ctx, visit, digest) // last: what is committed here may still fail, and then no client has the session
	})
	if err != nil {
		return explainOver(err)
	}
	earlier := a.VisitOf(c)
	a.setVisitCookie(c, session, int(keepCookie.Seconds()))
	if err := a.endVisit(c, earlier); err != nil { // it ends by itself
		a.log.WarnContext(ctx, "end an earlier visit", "tenant", t.Subdomain, "error", err)
	}
	return nil
}

// keepCookie is how long a client keeps the cookie of a visit: for longer than the visit, so that what a page of the visit sends
// after its end is refused, and not done as the person whose session is beside it.
const keepCookie = 12 * time.Hour

// recordVisit stores something about a visit in the tenant's activity.
func recordVisit(tx *gorm.DB, visit *tenants.Visit, verb, summary string) error {
	return Record(tx, nil, Subject{Kind: "visit", ID: visit.UserID}, verb, text.Cut(summary, maxSummary))
}

func beginning(visit *tenants.Visit) string {
	what := "reading only"
	if visit.Writes {
		what = "reading and writing"
	}
	return fmt.Sprintf("let %s in as %s, %s, until %s UTC: “%s”", operatorOf(visit), visit.Email, what, visit.ExpiresAt.UTC().Format("15:04"), visit.Reason)
}

// operatorOf names the operator of a visit.
func operatorOf(visit *tenants.Visit) string {
	if visit.Operator == "operator" { // the ledger's name for the holder of the one token
		return "an operator"
	}
	return "operator " + visit.Operator
}

// LeaveVisit ends the request's visit, if there is one, and takes the client's cookie.
func (a *Accounts) LeaveVisit(c *gin.Context) error {
	visit, err := a.visitOf(c)
	if err == nil {
		err = a.endVisit(c, visit)
	}
	if err != nil && !errors.Is(err, errVisitOver) {
		return err
	}
	a.setVisitCookie(c, "", -1)
	return nil
}

// endVisit ends a visit, unless it is nil, because its operator left.
func (a *Accounts) endVisit(c *gin.Context, visit *tenants.Visit) error {
	if visit == nil {
		return nil
	}
	ctx, t := c.Request.Context(), web.From(c)
	if err := a.visits.Leave(ctx, visit); err != nil {
		return err
	}
	if err := a.tellEnd(ctx, t, visit); err != nil && !errors.Is(err, visits.ErrOver) { // TellEnds tells it later, or has
		a.log.WarnContext(ctx, "tell a tenant that a visit has ended", "tenant", t.Subdomain, "error", err)
	}
	return nil
}

// tellEnd records the end of a visit in the tenant's activity, once.
func (a *Accounts) tellEnd(ctx context.Context, t *tenants.Tenant, visit *tenants.Visit) error {
	why := map[tenants.VisitEnd]string{
		"": "its time was over", tenants.VisitLeft: "they left", tenants.VisitDismissed: "they may not enter any more", tenants.VisitClosed: "the tenant was suspended or archived",
	}[visit.EndedBy]
	summary := fmt.Sprintf("ended the visit of %s as %s: %s", operatorOf(visit), visit.Email, why)
	return a.store.Maintain(tenants.WithReserve(ctx), t, func(tx *gorm.DB) error {
		if err := recordVisit(tx, visit, "ended", summary); err != nil {
			return err
		}
		return a.visits.Tell(ctx, visit.ID)
	})
}

// mostEnds bounds the ends of visits that are told at once.
const mostEnds = 100

// TellEnds tells tenants of visits that have ended. Several processes may do so at once. Tenants that can't be told are tried
// again by the next call, and keep others neither from being told nor waiting for long.
func (a *Accounts) TellEnds(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, tellsTimeout)
	defer cancel()
	over, err := a.visits.Over(ctx, mostEnds)
	if err != nil {
		return err
	}
	failed := map[string]error{} // by tenant
	for i := 0; i < len(over) && ctx.Err() == nil; i++ {
		id := over[i].TenantID
		if failed[id] != nil {
			continue
		}
		if err := a.tellEndOf(ctx, &over[i]); err != nil && !errors.Is(err, visits.ErrOver) {
			failed[id] = fmt.Errorf("tell tenant %s of a visit: %w", id, err)
		}
	}
	return errors.Join(slices.Collect(maps.Values(failed))...)
}

// tellEndOf is tellEnd for a tenant that has to be found. A tenant without data is told nothing.
func (a *Accounts) tellEndOf(ctx context.Context, visit *tenants.Visit) error {
	ctx, cancel := context.WithTimeout(ctx, tellTimeout)
	defer cancel()
	var t tenants.Tenant
	err := a.store.Master().View(ctx, func(tx *gorm.DB) error { return tx.Take(&t, "id = ?", visit.TenantID).Error })
	if err == nil {
		err = a.tellEnd(ctx, &t, visit)
	}
	if errors.Is(err, gorm.ErrRecordNotFound) || errors.Is(err, tenants.ErrUnknownTenant) {
		return a.visits.Tell(ctx, visit.ID)
	}
	return err
}

// tellTimeout bounds the time for telling one tenant, and tellsTimeout that for all.
const tellTimeout, tellsTimeout = 10 * time.Second, 30 * time.Second
