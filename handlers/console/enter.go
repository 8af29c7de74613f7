package console

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/look"
	"tenantry/handlers/operator"
	"tenantry/handlers/problem"
	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/visits"
)

// enterPage asks an operator as whom they enter a tenant, and why. Then it shows the link.
type enterPage struct {
	Tenant   *tenants.Tenant
	Link     string
	Form     *look.Form
	Entrance *visits.Entrance
}

// mostPeople is how many people a form offers. In a larger tenant the address is typed.
const mostPeople = 200

// enterForm returns the form for a tenant.
func (s *Console) enterForm(c *gin.Context, t *tenants.Tenant) (*look.Form, error) {
	people, more, err := s.o.People(c.Request.Context(), t, mostPeople)
	if err != nil {
		return nil, err
	}
	user := look.Field{Name: "user", Label: "Enter as", Kind: "email", Required: true, Autocomplete: "off", Hint: "The person’s e-mail address."}
	if !more {
		user.Kind, user.Hint = "select", ""
		for _, person := range people {
			user.Options = append(user.Options, look.Option{Value: person.Email, Label: person.Name + " (" + person.Email + ")"})
		}
	}
	f := look.NewForm("enter", tenantPath(t)+"/enter", "Make a link", user,
		look.Field{Name: "reason", Label: "Reason", Required: true, Autocomplete: "off", Hint: "The tenant’s people read it, and the ledger has it."},
		look.Field{Name: "write", Label: "May", Kind: "select", Options: []look.Option{{Value: "false", Label: "Read only"}, {Value: "true", Label: "Read and write"}}},
	)
	return &f, nil
}

// enterPage shows the form.
func (s *Console) enterPage(c *gin.Context) error {
	t, err := s.o.Manager.Get(c.Request.Context(), c.Param("tenant"))
	if err != nil {
		return err
	}
	f, err := s.enterForm(c, t)
	if err != nil {
		return err
	}
	s.showEnter(c, http.StatusOK, enterPage{Tenant: t, Form: f})
	return nil
}

func (s *Console) showEnter(c *gin.Context, status int, page enterPage) {
	page.Link = tenantPath(page.Tenant)
	s.show(c, status, "enter", "Enter "+page.Tenant.Name, "/tenants", page)
}

// enter makes the link, and shows it in its own answer, because it can't be read again.
func (s *Console) enter(c *gin.Context) error {
	t, err := s.o.Manager.Get(c.Request.Context(), c.Param("tenant"))
	if err != nil {
		return err
	}
	f, err := s.enterForm(c, t)
	if err != nil {
		return err
	}
	if err := f.Read(c); err != nil {
		return err
	}
	made, err := s.o.LetIn(c.Request.Context(), s.by(c), operator.Current(c), t.ID,
		lifecycle.Entry{Email: f.Value("user"), Reason: f.Value("reason"), Writes: f.Value("write") == "true"})
	if err != nil {
		p := describe(c, err)
		if !errors.Is(operator.Explain(err), problem.ErrForbidden) && f.Refuse(p) {
			s.showEnter(c, p.Status, enterPage{Tenant: t, Form: f})
			return nil
		}
		return err
	}
	s.showEnter(c, http.StatusCreated, enterPage{Tenant: t, Entrance: made})
	return nil
}
