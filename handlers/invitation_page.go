package handlers

import (
	"bytes"
	"cmp"
	_ "embed" // for the page
	"html/template"
	"net/http"

	"github.com/gin-gonic/gin"

	"tenantry/tenants"
)

//go:embed invitation_page.html
var invitationHTML string

var invitationTemplate = template.Must(template.New("invitation").Parse(invitationHTML))

// invitationPage is what the page shows.
type invitationPage struct {
	Tenant string
	// Email is the address of who was invited; empty when nobody was.
	Email string
	// Token goes back with the form.
	Token string
	// Done says that the password is set.
	Done bool
	// Problem and Faults say why it isn't.
	Problem string
	Faults  []Fault
}

// InvitationPage is where the link of an invitation leads: GET shows a form
// with one field, POST takes it. Looking at it doesn't use the invitation up,
// since mail programs look at links too. It works outside of scopes, without
// CrossOrigin, which it sees to itself.
func (a *Accounts) InvitationPage(c *gin.Context) {
	Unscoped(c, func(c *gin.Context) error {
		t := tenants.From(c)
		page := invitationPage{Tenant: cmp.Or(t.Name, t.Subdomain)}
		fill := a.showInvitation
		if c.Request.Method == http.MethodPost {
			fill = a.takeInvitation
		}
		err := fill(c, &page)
		page.write(c, err)
		return err
	})
}

// showInvitation fills the form.
func (a *Accounts) showInvitation(c *gin.Context, page *invitationPage) error {
	return a.openInvitation(c, page, c.Query("token"))
}

func (a *Accounts) openInvitation(c *gin.Context, page *invitationPage, text string) error {
	found, err := a.findInvited(c, text)
	if err == nil {
		page.Email, page.Token = found.user.Email, text
	}
	return err
}

// takeInvitation does what AcceptInvitation does, for the form.
func (a *Accounts) takeInvitation(c *gin.Context, page *invitationPage) error {
	if a.crossOrigin.Check(c.Request) != nil {
		return errCrossOrigin
	}
	if err := c.Request.ParseForm(); err != nil {
		return unreadable(err)
	}
	form := c.Request.PostForm
	if err := a.openInvitation(c, page, form.Get("token")); err != nil {
		return err
	}
	password := form.Get("password")
	if fault := newPassword(password); fault != "" {
		return faults{{"The password", fault}}.err()
	}
	begun, err := a.accept(c, page.Token, password)
	if err != nil {
		return err
	}
	a.setCookie(c, begun)
	page.Done = true
	return nil
}

// write answers with the page; err is why there is nothing better to show.
func (p *invitationPage) write(c *gin.Context, err error) {
	status := http.StatusOK
	if err != nil {
		k := kindOf(c, err)
		k.setHeaders(c, err)
		told := k.problem(RequestID(c), err)
		status, p.Problem, p.Faults = k.status, told.Detail, told.Errors
	}
	var page bytes.Buffer
	if err := invitationTemplate.Execute(&page, p); err != nil {
		panic(err) // the template and its data are constant: only a broken build gets here
	}
	c.Data(status, "text/html; charset=utf-8", page.Bytes())
}
