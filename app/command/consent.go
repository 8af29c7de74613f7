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
	if y.Yes {
		return nil
	}
	c.out.Hint("%s Type the subdomain to continue:", what)
	line, err := c.readLine("")
	if err != nil {
		return err
	}
	if typed := strings.TrimSpace(line); typed != subdomain {
		return fmt.Errorf("%w: %q was typed, not %q; nothing was done (scripts use --yes)", errUsage, typed, subdomain)
	}
	return nil
}
