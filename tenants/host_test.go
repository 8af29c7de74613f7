package tenants

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestSubdomain(t *testing.T) {
	t.Parallel()
	tests := []struct {
		host, want string
	}{
		{"acme.localhost", "acme"},
		{"acme.localhost:8080", "acme"},
		{"acme.localhost:1", "acme"},
		{"acme.localhost:65535", "acme"},
		{"ACME.LocalHost", "acme"},
		{"acme.localhost.", "acme"},
		{"acme.localhost.:8080", "acme"},
		{"a.localhost", "a"},
		{"a-1.localhost", "a-1"},
		{strings.Repeat("a", 40) + ".localhost", strings.Repeat("a", 40)},

		{"", ""},
		{".", ""},
		{":8080", ""},
		{"localhost", ""},
		{"localhost:8080", ""},
		{".localhost", ""},
		{"..localhost", ""},
		{"www.localhost", ""},
		{"admin.localhost", ""},
		{"acme.localhost:evil", ""},
		{"acme.localhost:", ""},
		{"acme.localhost:65536", ""},
		{"acme.localhost:-1", ""},
		{"acme.localhost:80:80", ""},
		{"acme.localhost..", ""},
		{"acme..localhost", ""},
		{"x.acme.localhost", ""},
		{"acme.localhost.evil.com", ""},
		{"acmelocalhost", ""},
		{"acmexlocalhost", ""},
		{"evil.com", ""},
		{"a,b.localhost", ""},
		{"acme%2e.localhost", ""},
		{"acme%00.localhost", ""},
		{"acme\x00.localhost", ""},
		{"ac_me.localhost", ""},
		{"acme。localhost", ""},
		{"acme.loKalhost", ""}, // U+212A, which folds to k
		{"äcme.localhost", ""},
		{"-acme.localhost", ""},
		{"acme-.localhost", ""},
		{"1acme.localhost", ""},
		{"xn--acme.localhost", ""},
		{"acme .localhost", ""},
		{" acme.localhost", ""},
		{"acme/.localhost", ""},
		{"user@acme.localhost", ""},
		{"127.0.0.1", ""},
		{"127.0.0.1:8080", ""},
		{"[::1]", ""},
		{"[::1]:8080", ""},
		{"::1", ""},
		{strings.Repeat("a", 41) + ".localhost", ""},
		{strings.Repeat("a.", 4000) + "localhost", ""},
	}
	domain := mustDomain(t, "localhost")
	for _, test := range tests {
		got, ok := domain.Subdomain(test.host)
		if ok != (test.want != "") || ok && got != test.want {
			t.Errorf("Subdomain(%.60q) = %q, %v; want %q", test.host, got, ok, test.want)
		}
	}
}

func TestSubdomainOfLongDomain(t *testing.T) {
	t.Parallel()
	domain := mustDomain(t, "app.example.com")
	if got, ok := domain.Subdomain("acme.app.example.com:443"); !ok || got != "acme" {
		t.Errorf("got %q, %v", got, ok)
	}
	for _, host := range []string{"app.example.com", "acme.example.com", "acme.app.example.com.evil", "example.com"} {
		if got, ok := domain.Subdomain(host); ok {
			t.Errorf("Subdomain(%q) = %q; want none", host, got)
		}
	}
	if _, ok := (BaseDomain{}).Subdomain("acme.localhost"); ok {
		t.Error("the zero Domain has a tenant")
	}
}

func TestParseDomain(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		"", ".", "localhost.", ".localhost", "Localhost", "http://localhost", "localhost:8080", "127.0.0.1",
		"a..b", "a b", "bücher.example", strings.Repeat("a.", 120) + "a", "a/b", "-a.example",
	} {
		if _, err := ParseBaseDomain(bad); err == nil {
			t.Errorf("ParseDomain(%.40q) has no error", bad)
		}
	}
}

func TestCustomHost(t *testing.T) {
	t.Parallel()
	domain := mustDomain(t, "app.example.com")
	for host, want := range map[string]string{
		"work.acme.example":                  "work.acme.example",
		"WORK.Acme.Example.:8443":            "work.acme.example",
		"example.com":                        "example.com", // above the base domain, and maybe a customer's
		"xn--bcher-kva.example":              "xn--bcher-kva.example",
		"app.example.com":                    "",
		"acme.app.example.com":               "",
		"a.acme.app.example.com":             "",
		"acme":                               "",
		"":                                   "",
		".":                                  "",
		"work..example":                      "",
		".acme.example":                      "",
		"work.acme.example..":                "",
		"-work.acme.example":                 "",
		"work_1.acme.example":                "",
		"bücher.example":                     "",
		"work。acme.example":                  "",
		"work.acme.example:":                 "",
		"work.acme.example:port":             "",
		"work.acme.example,b.example":        "",
		"root@acme.example":                  "",
		"127.0.0.1":                          "",
		"[::1]:80":                           "",
		strings.Repeat("a", 64) + ".example": "",
		strings.Repeat("a.", 126) + "ab":     "",
	} {
		if got, ok := domain.CustomHost(host); ok != (want != "") || ok && got != want {
			t.Errorf("CustomHost(%.60q) = %q, %v; want %q", host, got, ok, want)
		}
	}
}

func TestValidateHost(t *testing.T) {
	t.Parallel()
	domain := mustDomain(t, "app.example.com")
	for host, rule := range map[string]string{
		"work.acme.example":         "",
		"acme.app.example.com":      "base domain",
		"app.example.com":           "base domain",
		"acme":                      "whole host name",
		"10.0.0.1":                  "IP address",
		"Work.acme.example":         "lower-case",
		"https://work.acme.example": "without scheme",
		"work.acme.example:443":     "port",
		"work.acme.example.":        "trailing dot",
		"bücher.example":            "punycode",
	} {
		err := domain.ValidateHost(host)
		if (err != nil) != (rule != "") || err != nil && (!errors.Is(err, ErrInvalidHost) || !strings.Contains(err.Error(), rule)) {
			t.Errorf("ValidateHost(%q) = %v, want %q", host, err, rule)
		}
	}
}

// FuzzCustomHost holds that no host is both a subdomain and a customer's own,
// and that what comes out can be one and leads back to itself.
func FuzzCustomHost(f *testing.F) {
	for _, host := range []string{"work.acme.example:8080", "acme.localhost", "A.B.", "a。b", "[::1]:80", "1.2.3.4"} {
		f.Add(host)
	}
	domain := mustDomain(f, "localhost")
	f.Fuzz(func(t *testing.T, host string) {
		name, ok := domain.CustomHost(host)
		if !ok {
			return
		}
		if err := domain.ValidateHost(name); err != nil {
			t.Errorf("%q gave %q: %v", host, name, err)
		}
		if _, both := domain.Subdomain(host); both {
			t.Errorf("%q is a subdomain, too", host)
		}
		if again, ok := domain.CustomHost(name); !ok || again != name {
			t.Errorf("%q gave %q, which leads to %q", host, name, again)
		}
	})
}

func TestValidateSubdomain(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"acme", "a", "a1", "a-b-c", "initech", strings.Repeat("z", 40)} {
		if err := ValidateSubdomain(good); err != nil {
			t.Errorf("ValidateSubdomain(%q): %v", good, err)
		}
	}
	for bad, rule := range map[string]string{
		"":                      "empty",
		strings.Repeat("a", 41): "40",
		"1a":                    "letter",
		"Acme":                  "letter",
		"aCme":                  "a-z",
		"acme-":                 "hyphens",
		"a.b":                   "a-z",
		"xn--a":                 "--",
		"www":                   "reserved",
	} {
		var broken *SubdomainError
		err := ValidateSubdomain(bad)
		if !errors.As(err, &broken) || !errors.Is(err, ErrInvalidSubdomain) || !strings.Contains(broken.Rule, rule) {
			t.Errorf("ValidateSubdomain(%q) = %v; want a rule with %q", bad, err, rule)
		}
	}
}

func TestReservedIsSorted(t *testing.T) {
	t.Parallel()
	if !slices.IsSorted(reserved) {
		t.Error("reserved must be sorted: it is searched by halves")
	}
}

func TestSubdomainAllocatesNothing(t *testing.T) {
	domain := mustDomain(t, "localhost")
	if n := testing.AllocsPerRun(100, func() { domain.Subdomain("acme.localhost:8080") }); n != 0 {
		t.Errorf("Subdomain allocates %v times", n)
	}
}

// FuzzSubdomain holds that whatever comes out is a subdomain that a tenant can
// have, and that the host which it makes leads back to it.
func FuzzSubdomain(f *testing.F) {
	for _, host := range []string{"acme.localhost:8080", "ACME.localhost.", "a,b.localhost", "acme。localhost", "[::1]:80", ""} {
		f.Add(host)
	}
	domain := mustDomain(f, "localhost")
	f.Fuzz(func(t *testing.T, host string) {
		subdomain, ok := domain.Subdomain(host)
		if !ok {
			return
		}
		if err := ValidateSubdomain(subdomain); err != nil {
			t.Errorf("%q gave %q: %v", host, subdomain, err)
		}
		if again, ok := domain.Subdomain(domain.Host(subdomain)); !ok || again != subdomain {
			t.Errorf("%q gave %q, which leads to %q", host, subdomain, again)
		}
		name, _, _ := strings.Cut(host, ":")
		if !strings.EqualFold(strings.TrimSuffix(name, "."), domain.Host(subdomain)) {
			t.Errorf("%q gave %q", host, subdomain)
		}
	})
}

func mustDomain(t testing.TB, base string) BaseDomain {
	t.Helper()
	domain, err := ParseBaseDomain(base)
	if err != nil {
		t.Fatal(err)
	}
	return domain
}
