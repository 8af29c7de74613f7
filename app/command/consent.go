package command

import (
	"fmt"
	"strings"
)

// consent has the flag of commands that ask for confirmation.
type consent struct {
	Yes bool `help:"Don't ask for confirmation."`
}

// ask asks the operator to type the subdomain. It returns errUsage if the input
// is anything else, or empty.
func (y consent) ask(c *Call, what, subdomain string) error {
	return y.askFor(c, what, "subdomain", subdomain)
}

// askFor is ask for another word than a subdomain: kind says what it is.
func (y consent) askFor(c *Call, what, kind, want string) error {
	if y.Yes {
		return nil
	}
	c.out.Hint("%s Type the %s to continue:", what, kind)
	line, err := c.readLine("")
	if err != nil {
		return err
	}
	if typed := strings.TrimSpace(line); typed != want {
		return fmt.Errorf("%w: %q was typed, not %q; nothing was done (scripts use --yes)", errUsage, typed, want)
	}
	return nil
}
