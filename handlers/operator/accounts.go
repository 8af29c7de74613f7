package operator

import (
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/request"
	"tenantry/tenants/document"
	"tenantry/tenants/operators"
)

// listOperators lists all accounts.
func (a *API) listOperators(c *gin.Context) error {
	all, err := a.accounts.List(c.Request.Context())
	if err == nil {
		c.JSON(http.StatusOK, document.Operators(all))
	}
	return err
}

// getOperator answers with an account.
func (a *API) getOperator(c *gin.Context) error {
	return a.showOperator(c, http.StatusOK, c.Param("operator"), "")
}

// showOperator answers with an account, and a token that was just made.
func (a *API) showOperator(c *gin.Context, status int, name, token string) error {
	account, err := a.accounts.Get(c.Request.Context(), name)
	if err != nil {
		return err
	}
	d := document.OperatorOf(account)
	d.Token = token
	c.JSON(status, d)
	return nil
}

// addOperator makes an account. The answer has its first token, which can't be read again.
func (a *API) addOperator(c *gin.Context) error {
	var body struct {
		Name string         `json:"name"`
		Role operators.Role `json:"role"`
	}
	if err := request.Decode(c, &body); err != nil {
		return err
	}
	by, err := nameOf(c)
	if err != nil {
		return err
	}
	token, err := a.accounts.Add(c.Request.Context(), body.Name, body.Role, string(by))
	if err != nil {
		return err
	}
	c.Header("Location", "/api/operators/"+url.PathEscape(body.Name))
	return a.showOperator(c, http.StatusCreated, body.Name, token)
}

// changeOperator changes an account's role.
func (a *API) changeOperator(c *gin.Context) error {
	var body struct {
		Role operators.Role `json:"role"`
	}
	if err := request.Decode(c, &body); err != nil {
		return err
	}
	by, err := nameOf(c)
	if err != nil {
		return err
	}
	if err := a.accounts.SetRole(c.Request.Context(), c.Param("operator"), body.Role, string(by)); err != nil {
		return err
	}
	return a.getOperator(c)
}

// removeOperator removes an account and its tokens.
func (a *API) removeOperator(c *gin.Context) error {
	by, err := nameOf(c)
	if err != nil {
		return err
	}
	return noContent(c, a.accounts.Remove(c.Request.Context(), c.Param("operator"), string(by)))
}

// addToken makes another token. The answer has it; it can't be read again.
func (a *API) addToken(c *gin.Context) error {
	by, err := nameOf(c)
	if err != nil {
		return err
	}
	token, _, err := a.accounts.NewToken(c.Request.Context(), c.Param("operator"), string(by))
	if err != nil {
		return err
	}
	return a.showOperator(c, http.StatusCreated, c.Param("operator"), token)
}

// revokeToken makes a token worth nothing.
func (a *API) revokeToken(c *gin.Context) error {
	by, err := nameOf(c)
	if err != nil {
		return err
	}
	return noContent(c, a.accounts.Revoke(c.Request.Context(), c.Param("operator"), c.Param("token"), string(by)))
}

// noContent answers with 204, unless there is an error.
func noContent(c *gin.Context, err error) error {
	if err == nil {
		c.Status(http.StatusNoContent)
	}
	return err
}
