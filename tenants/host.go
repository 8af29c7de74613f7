package tenants

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// BaseDomain is the domain under which tenants live, at SUBDOMAIN.BASE. The zero BaseDomain has no
// tenants.
type BaseDomain struct{ base string }

// ParseBaseDomain checks that base is a lower-case host name without port, scheme
// or trailing dot, such as "localhost" or "app.example.com".
func ParseBaseDomain(base string) (BaseDomain, error) {
	if len(base) > 200 {
		return BaseDomain{}, errors.New("base domain is longer than 200 characters")
	}
	for label := range strings.SplitSeq(base, ".") {
		if !isLabel(label) {
			return BaseDomain{}, fmt.Errorf("base domain %q is not a lower-case host name such as app.example.com", base)
		}
	}
	if last := base[strings.LastIndexByte(base, '.')+1:]; isDigits(last) {
		return BaseDomain{}, fmt.Errorf("base domain %q is an IP address; tenants need subdomains of a name", base)
	}
	return BaseDomain{base}, nil
}

// String returns the base domain.
func (d BaseDomain) String() string { return d.base }

// Host returns the host name, without a port, at which the subdomain is reached.
func (d BaseDomain) Host(subdomain string) string { return subdomain + "." + d.base }

// Subdomain returns the subdomain in a request's Host: exactly one label before the base domain. It
// ignores case and accepts one trailing dot and any numeric port. It returns false for everything
// else and for names that no tenant can have. It does not allocate for lower-case hosts. PITFALLS
// (Hosts) lists what Go's server accepts as Host.
func (d BaseDomain) Subdomain(host string) (string, bool) {
	name, ok := trimPort(host)
	if !ok || d.base == "" {
		return "", false
	}
	name = strings.TrimSuffix(name, ".")
	label := len(name) - len(d.base) - 1
	if label < 1 || label > maxSubdomain || name[label] != '.' {
		return "", false
	}
	if !equalFoldASCII(name[label+1:], d.base) {
		return "", false
	}
	subdomain := lowerASCII(name[:label])
	return subdomain, subdomainRule(subdomain) == ""
}

// CustomHost returns the customer's own host in a request's Host, in lower case, without port and
// trailing dot: a name of two or more labels that is no IP address and is not under the base domain.
// It returns false for everything else.
func (d BaseDomain) CustomHost(host string) (string, bool) {
	name, ok := trimPort(host)
	if !ok {
		return "", false
	}
	name = lowerASCII(strings.TrimSuffix(name, "."))
	return name, hostRule(name) == "" && !d.covers(name)
}

// covers reports whether host is the base domain or below it.
func (d BaseDomain) covers(host string) bool {
	return host == d.base || strings.HasSuffix(host, "."+d.base)
}

// HostError explains why a host can't be a tenant's own. It matches ErrInvalidHost.
type HostError struct {
	Host string
	// Rule is the rule that the host breaks, written for people.
	Rule string
}

// ErrInvalidHost matches every *HostError.
var ErrInvalidHost = errors.New("invalid host")

// Error returns the host and the rule.
func (e *HostError) Error() string { return fmt.Sprintf("host %q %s", e.Host, e.Rule) }

// Unwrap returns ErrInvalidHost.
func (e *HostError) Unwrap() error { return ErrInvalidHost }

// ValidateHost returns a *HostError if no tenant can have the host as its own.
func (d BaseDomain) ValidateHost(host string) error {
	rule := hostRule(host)
	if rule == "" && d.covers(host) {
		rule = "is of the base domain " + d.base + ", whose hosts are subdomains"
	}
	if rule != "" {
		return &HostError{host, rule}
	}
	return nil
}

// hostRule returns the rule that a customer's own host breaks, or "".
func hostRule(host string) string {
	labels := strings.Split(host, ".")
	switch {
	case len(host) > 253:
		return "is longer than 253 characters"
	case len(labels) < 2:
		return "must be a whole host name such as work.example.com"
	case isDigits(labels[len(labels)-1]):
		return "is an IP address; give a host name"
	case !slices.ContainsFunc(labels, func(l string) bool { return !isLabel(l) }):
		return ""
	}
	return "may hold only lower-case letters, digits, dots and inner hyphens, without scheme, port or trailing dot; write other letters as punycode (xn--…)"
}

// trimPort removes a numeric port. It returns false for a colon without a port.
func trimPort(host string) (string, bool) {
	colon := strings.IndexByte(host, ':')
	if colon < 0 {
		return host, true
	}
	port := host[colon+1:]
	if len(port) > 5 || !isDigits(port) {
		return "", false
	}
	number, err := strconv.Atoi(port)
	return host[:colon], err == nil && number <= 65535
}

const maxSubdomain = 40

// reserved are names that visitors, or mail and network software, would take for the operator's own.
// RFC 2142 names the mailboxes among them. The list is sorted.
var reserved = []string{
	"abuse", "account", "accounts", "admin", "administrator", "api", "app", "apps", "assets", "auth",
	"autoconfig", "autodiscover", "billing", "blog", "cdn", "console", "dashboard", "demo", "dev", "dns",
	"docs", "email", "ftp", "help", "hostmaster", "imap", "info", "internal", "isatap", "localhost",
	"login", "mail", "metrics", "mta-sts", "mx", "news", "noc", "ns", "ns1", "ns2", "operator", "pop",
	"postmaster", "register", "root", "security", "signup", "smtp", "sso", "staging", "static", "status",
	"support", "system", "tenantry", "usenet", "webmail", "webmaster", "wpad", "www",
}

// SubdomainError explains why a tenant can't have a subdomain. It matches ErrInvalidSubdomain.
type SubdomainError struct {
	Subdomain string
	// Rule is the rule that the subdomain breaks, written for people.
	Rule string
}

// ErrInvalidSubdomain matches every *SubdomainError.
var ErrInvalidSubdomain = errors.New("invalid subdomain")

// Error returns the subdomain and the rule.
func (e *SubdomainError) Error() string {
	return fmt.Sprintf("subdomain %q %s", e.Subdomain, e.Rule)
}

// Unwrap returns ErrInvalidSubdomain.
func (e *SubdomainError) Unwrap() error { return ErrInvalidSubdomain }

// ValidateSubdomain returns a *SubdomainError if no tenant can have the subdomain.
func ValidateSubdomain(subdomain string) error {
	rule := subdomainRule(subdomain)
	if rule == "" && (strings.HasPrefix(subdomain, purgedPrefix) || strings.HasPrefix(subdomain, undonePrefix)) {
		rule = "begins with " + purgedPrefix + " or " + undonePrefix + ", which are reserved for tenants that were purged or never finished"
	}
	if rule != "" {
		return &SubdomainError{subdomain, rule}
	}
	return nil
}

// Prefixes of the subdomains of purged tenants and of creations that are undone. Neither is served.
const purgedPrefix, undonePrefix = "purged-", "undone-"

// PurgedSubdomain returns the subdomain that the tenant gets when it is purged. ValidateSubdomain
// refuses it for all others.
func PurgedSubdomain(id string) string { return purgedPrefix + id }

// UndoneSubdomain returns the subdomain that the tenant gets while its creation is undone.
// ValidateSubdomain refuses it for all others.
func UndoneSubdomain(id string) string { return undonePrefix + id }

// subdomainRule returns the rule that s breaks, or "". The rules are those of a host name's label
// (RFC 1123) and narrower: a letter first, at most 40 characters, and no "--" at the third position,
// which RFC 5891 reserves for encoded labels.
func subdomainRule(s string) string {
	switch {
	case s == "":
		return "is empty"
	case len(s) > maxSubdomain:
		return "is longer than 40 characters"
	case s[0] < 'a' || s[0] > 'z':
		return "must begin with a letter from a to z"
	case !isLabel(s):
		return "may hold only a-z, 0-9 and, inside, hyphens"
	case len(s) >= 4 && s[2:4] == "--":
		return `must not have "--" as its third and fourth character`
	}
	if _, found := slices.BinarySearch(reserved, s); found {
		return "is reserved"
	}
	return ""
}

// isLabel reports whether s holds only a-z, 0-9 and inner hyphens.
func isLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-') {
			return false
		}
	}
	return true
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// equalFoldASCII reports whether s in lower case equals lower. Unicode folding would also accept the
// Kelvin sign for a k.
func equalFoldASCII(s, lower string) bool {
	if len(s) != len(lower) {
		return false
	}
	for i := range len(s) {
		if lowerByte(s[i]) != lower[i] {
			return false
		}
	}
	return true
}

func lowerASCII(s string) string {
	for i := range len(s) {
		if s[i] != lowerByte(s[i]) {
			b := []byte(s)
			for j := i; j < len(b); j++ {
				b[j] = lowerByte(b[j])
			}
			return string(b)
		}
	}
	return s
}

func lowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}
