package command

import (
	"errors"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// subdomains are the values of a flag that chooses tenants, which may be repeated. An empty value is wrong usage: it comes
// from a variable that isn't set, and would choose all tenants.
type subdomains []string

var _ kong.MapperValue = (*subdomains)(nil)

// Decode adds the values, separated by commas.
func (s *subdomains) Decode(c *kong.DecodeContext) error {
	var text string
	if err := c.Scan.PopValueInto("subdomain", &text); err != nil {
		return err
	}
	names := strings.Split(text, ",")
	if slices.Contains(names, "") {
		return errors.New("a subdomain is empty; leave the flag out to choose all tenants")
	}
	*s = append(*s, names...)
	return nil
}
