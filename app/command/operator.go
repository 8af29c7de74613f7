package command

import (
	"errors"
	"fmt"
	"time"

	"tenantry/app"
	"tenantry/tenants"
	"tenantry/tenants/document"
	"tenantry/tenants/operators"
)

// operatorCommand groups the commands for operators' accounts.
type operatorCommand struct {
	Add    operatorAddCommand    `cmd:"" help:"Make an account, and show its token once."`
	List   operatorListCommand   `cmd:"" help:"List accounts."`
	Role   operatorRoleCommand   `cmd:"" help:"Change what an operator may do."`
	Token  operatorTokenCommand  `cmd:"" help:"Make another token of an account, or revoke one."`
	Remove operatorRemoveCommand `cmd:"" help:"Remove an account; its tokens are worth nothing at once."`
}

// operatorName is the argument of commands for one account.
type operatorName struct {
	Name string `arg:"" help:"The operator's name."`
}

// explainOperator says what to do about an error.
func explainOperator(err error) error {
	var invalid *operators.InvalidError
	switch {
	case errors.As(err, &invalid):
		return fmt.Errorf("%w: %w", errUsage, err)
	case errors.Is(err, operators.ErrUnknown), errors.Is(err, operators.ErrUnknownToken):
		return fmt.Errorf("%w; see: tenantry operator list", err)
	}
	return err
}

// tell writes the account as it is now, with a token that was just made, after something was done to it.
func (o operatorName) tell(c *Call, a *app.App, token string, err error) error {
	if err != nil {
		return explainOperator(err)
	}
	account, err := a.Operators().Get(c.ctx, o.Name)
	if err != nil {
		return explainOperator(err)
	}
	d := document.OperatorOf(account)
	if d.Token = token; c.out.json {
		return c.out.Document(d)
	}
	if token == "" {
		return c.out.Line("operator %s is %s", d.Name, d.Role)
	}
	return c.out.Line("operator %s is %s; the token is shown this once: %s", d.Name, d.Role, token)
}

type operatorAddCommand struct {
	operatorName
	Role string `required:"" placeholder:"ROLE" help:"viewer, operator or owner."`
}

// Help is shown with the flags.
func (operatorAddCommand) Help() string {
	return `The token lets its holder into the console and the operator's API, and the ledger has the account's name. A viewer sees everything but tenants' data. An operator also changes tenants, servers and migrations. An owner also purges, exports credentials, adds servers, and manages operators. The one token of the settings stays an owner's.

Examples:

    tenantry operator add ada --role owner
    tenantry operator add bob@example.com --role viewer --json`
}

// Run makes the account.
func (o *operatorAddCommand) Run(c *Call) error {
	return c.With(func(a *app.App) error {
		token, err := a.Operators().Add(c.ctx, o.Name, operators.Role(o.Role), string(a.By()))
		return o.tell(c, a, token, err)
	})
}

type operatorListCommand struct{}

// Help is shown with the flags.
func (operatorListCommand) Help() string {
	return `Each token has a line of its own. When it was last used is up to an hour old.

Examples:

    tenantry operator list
    tenantry operator list --json`
}

// Run lists the accounts.
func (operatorListCommand) Run(c *Call) error {
	return c.With(func(a *app.App) error {
		all, err := a.Operators().List(c.ctx)
		if err != nil {
			return err
		}
		if c.out.json {
			return c.out.Document(document.Operators(all))
		}
		return c.out.Rows([]string{"NAME", "ROLE", "TOKEN", "MADE", "LAST USED"}, operatorRows(all))
	})
}

func operatorRows(all []tenants.OperatorAccount) (rows [][]string) {
	for _, account := range all {
		if len(account.Tokens) == 0 {
			rows = append(rows, []string{account.Name, account.Role, "", "", ""})
		}
		for _, token := range account.Tokens {
			used := "never"
			if token.LastUsedAt != nil {
				used = token.LastUsedAt.UTC().Format(time.RFC3339)
			}
			rows = append(rows, []string{account.Name, account.Role, token.ID, token.CreatedAt.UTC().Format(time.RFC3339), used})
		}
	}
	return rows
}

type operatorRoleCommand struct {
	operatorName
	Role string `arg:"" help:"viewer, operator or owner."`
}

// Help is shown with the flags.
func (operatorRoleCommand) Help() string {
	return `It counts from the operator's next request.

Examples:

    tenantry operator role bob@example.com operator`
}

// Run changes the role.
func (o *operatorRoleCommand) Run(c *Call) error {
	return c.With(func(a *app.App) error {
		return o.tell(c, a, "", a.Operators().SetRole(c.ctx, o.Name, operators.Role(o.Role), string(a.By())))
	})
}

type operatorTokenCommand struct {
	operatorName
	Revoke string `placeholder:"ID" help:"Revoke this token instead; see: tenantry operator list."`
}

// Help is shown with the flags.
func (operatorTokenCommand) Help() string {
	return `To replace a token, make another, use it, and revoke the first. A revoked token also ends the sessions in the console that began with it.

Examples:

    tenantry operator token ada
    tenantry operator token ada --revoke 01m8e6tyhjnchxq56tjhnwka9a`
}

// Run makes or revokes the token.
func (o *operatorTokenCommand) Run(c *Call) error {
	return c.With(func(a *app.App) error {
		if o.Revoke != "" {
			return o.tell(c, a, "", a.Operators().Revoke(c.ctx, o.Name, o.Revoke, string(a.By())))
		}
		token, _, err := a.Operators().NewToken(c.ctx, o.Name, string(a.By()))
		return o.tell(c, a, token, err)
	})
}

type operatorRemoveCommand struct{ operatorName }

// Help is shown with the flags.
func (operatorRemoveCommand) Help() string {
	return `The ledger keeps the name.

Examples:

    tenantry operator remove bob@example.com`
}

// Run removes the account.
func (o *operatorRemoveCommand) Run(c *Call) error {
	return c.With(func(a *app.App) error {
		if err := a.Operators().Remove(c.ctx, o.Name, string(a.By())); err != nil {
			return explainOperator(err)
		}
		if c.out.json {
			return c.out.Document(struct {
				Removed string `json:"removed"`
			}{o.Name})
		}
		return c.out.Line("operator %s is removed", o.Name)
	})
}
