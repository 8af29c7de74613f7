package console

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/look"
	"tenantry/handlers/request"
	"tenantry/tenants"
	"tenantry/tenants/operators"
)

// operatorsPage lists operators' accounts.
type operatorsPage struct {
	Accounts []tenants.OperatorAccount
	Roles    []operators.Role
	Add      *look.Form
	// Made is a token that was just made, shown once, and For is whose it is.
	Made, For string
	// Problem says why nothing was done.
	Problem string
}

func addOperatorForm() *look.Form {
	var roles []look.Option
	for _, role := range operators.Roles() {
		roles = append(roles, look.Option{Value: string(role), Label: string(role)})
	}
	f := look.NewForm("add", "/operators", "Add the operator",
		look.Field{Name: "name", Label: "Name", Required: true, Autocomplete: "off", Hint: "Lower-case letters, digits and . _ @ + -; the ledger has it."},
		look.Field{Name: "role", Label: "Role", Kind: "select", Options: roles},
	)
	return &f
}

// operators lists the accounts.
func (s *Console) operators(c *gin.Context) error {
	return s.showOperators(c, http.StatusOK, operatorsPage{Add: addOperatorForm()})
}

func (s *Console) showOperators(c *gin.Context, status int, page operatorsPage) (err error) {
	if page.Accounts, err = s.o.Accounts.List(c.Request.Context()); err != nil {
		return err
	}
	page.Roles = operators.Roles()
	s.show(c, status, "operators", "Operators", "/operators", page)
	return nil
}

// addOperator makes an account and shows its token.
func (s *Console) addOperator(c *gin.Context) error {
	f := addOperatorForm()
	if err := f.Read(c); err != nil {
		return err
	}
	name := strings.TrimSpace(f.Value("name"))
	token, err := s.o.Accounts.Add(c.Request.Context(), name, operators.Role(f.Value("role")), string(s.by(c)))
	if err != nil {
		p := describe(c, err)
		if !f.Refuse(p) {
			return err
		}
		return s.showOperators(c, p.Status, operatorsPage{Add: f})
	}
	return s.showToken(c, name, token)
}

// showToken shows a token that was just made.
func (s *Console) showToken(c *gin.Context, name, token string) error {
	c.Header("Content-Location", "/operators")
	return s.showOperators(c, http.StatusCreated, operatorsPage{Add: addOperatorForm(), Made: token, For: name})
}

// changeOperator does what the last part of the path says to an account.
func (s *Console) changeOperator(c *gin.Context) error {
	posted, err := request.ReadForm(c, "role", "id")
	if err != nil {
		return err
	}
	name, by, ctx := c.Param("operator"), string(s.by(c)), c.Request.Context()
	switch c.Param("do") {
	case "role":
		err = s.o.Accounts.SetRole(ctx, name, operators.Role(posted.Get("role")), by)
	case "token":
		var token string
		if token, _, err = s.o.Accounts.NewToken(ctx, name, by); err == nil {
			return s.showToken(c, name, token)
		}
	case "revoke":
		err = s.o.Accounts.Revoke(ctx, name, posted.Get("id"), by)
	case "remove":
		err = s.o.Accounts.Remove(ctx, name, by)
	default:
		err = operators.ErrUnknown
	}
	if err == nil {
		return look.SeeOther(c, "/operators")
	}
	p := describe(c, err)
	if p.Status != http.StatusConflict {
		return err
	}
	return s.showOperators(c, p.Status, operatorsPage{Add: addOperatorForm(), Problem: p.Detail})
}
