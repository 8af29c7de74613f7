package pages

import (
	"cmp"
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/account"
	"tenantry/handlers/look"
	"tenantry/handlers/problem"
	"tenantry/tenants"
	"tenantry/tenants/web"
)

// visit is what every page tells of an operator's visit.
type visit struct {
	// ID is what requests of the page's scripts repeat: see samePage.
	ID                             string
	Operator, Email, Reason, Until string
	Writes                         bool
}

// visitOn returns what the request's pages tell of its visit, or nil.
func (s *Site) visitOn(c *gin.Context) *visit {
	t, ok := web.Resolved(c)
	if !ok {
		return nil
	}
	v := s.accounts.VisitOf(c)
	if v == nil {
		return nil
	}
	return s.tellVisit(t, v)
}

func (s *Site) tellVisit(t *tenants.Tenant, v *tenants.Visit) *visit {
	zone := cmp.Or(s.appearance(t).Zone, time.UTC)
	return &visit{ID: v.ID, Operator: v.Operator, Email: v.Email, Reason: v.Reason, Writes: v.Writes, Until: v.ExpiresAt.In(zone).Format("15:04 MST")}
}

// errOtherPage is returned for what a page sends that was made before the visit began, or on a visit that is over.
var errOtherPage = problem.Conflict("A visit began or ended after this page was loaded, and nothing was stored. Load the page again: it would be done as another person than it says.")

// samePage refuses what scripts send from pages of another visit than the request's, or of none: the browser's cookies may
// have changed in another tab, and what is sent was meant for another person. It goes below Present.
func (s *Site) samePage(c *gin.Context) {
	if !look.IsHTMX(c) {
		return
	}
	current := ""
	if v := s.accounts.VisitOf(c); v != nil {
		current = v.ID
	}
	if c.GetHeader("Tenantry-Visit") != current {
		problem.Fail(c, errOtherPage)
	}
}

// entrance is the page of an operator's link.
type entrance struct {
	Visit *visit // nil if the link can't be used
	Lead  string // why not
	Form  *form
}

func enterForm() *form {
	return newForm("enter", "/enter", "Enter", field{Name: "token", Kind: "hidden"})
}

// enterPage shows what an operator's link is for. It doesn't use up the link, because programs that show previews open
// links too.
func (s *Site) enterPage(c *gin.Context) {
	account.Unscoped(c, func(c *gin.Context) error {
		return s.showEntrance(c, enterForm().values(c.Query("token")), nil)
	}, "token")
}

// showEntrance shows the page of the link in a form; refused is why it was not accepted, or nil.
func (s *Site) showEntrance(c *gin.Context, f *form, refused error) error {
	v, err := s.accounts.Entry(c.Request.Context(), web.From(c), f.Value("token"))
	if refused == nil {
		refused = err
	}
	page, status := entrance{Form: f}, http.StatusOK
	switch {
	case refused == nil:
		page.Visit = s.tellVisit(web.From(c), v)
	case errors.Is(refused, problem.ErrUnauthenticated):
		page.Lead, status = problem.Describe(c, refused).Detail, http.StatusUnauthorized
		c.Writer.Header().Del("WWW-Authenticate")
	default:
		return refused
	}
	s.templates.Show(c, status, "enter", s.frameOf(c, "Enter as an operator", "", page))
	return nil
}

// enter begins an operator's visit.
func (s *Site) enter(c *gin.Context) {
	account.Unscoped(c, func(c *gin.Context) error {
		f := enterForm()
		if err := f.Read(c); err != nil {
			return err
		}
		if err := s.accounts.BeginVisit(c, f.Value("token")); err != nil {
			return s.showEntrance(c, f, err)
		}
		return look.Enter(c, "/")
	})
}

// leave ends an operator's visit.
func (s *Site) leave(c *gin.Context) {
	account.Unscoped(c, func(c *gin.Context) error {
		if err := s.accounts.LeaveVisit(c); err != nil {
			return err
		}
		return look.Enter(c, "/sign-in")
	})
}
