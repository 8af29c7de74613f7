package request

import (
	"strings"
	"testing"

	"tenantry/models"
)

func TestRules(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		rule  rule[string]
		value string
		fault string
	}{
		{"line", Line(3), "abc", ""},
		{"characters, not bytes", Line(3), "äöü", ""},
		{"inner blanks", Line(3), "a b", ""},
		{"joined emoji", Line(9), "👩‍👩‍👧", ""},
		{"too long", Line(3), "abcd", "must be at most 3 characters long"},
		{"empty", Line(3), "", "must not be blank"},
		{"blanks", Line(3), "\u00a0\t ", "must not be blank"},
		{"tab", Line(3), "a\tb", "must not hold control characters"},
		{"NUL", Line(3), "a\x00", "must not hold control characters"},
		{"DEL", Line(3), "a\x7f", "must not hold control characters"},
		{"cut UTF-8", Line(3), "a\xc3", "must be valid Unicode text"},
		{"encoded surrogate", Line(3), "\xed\xa0\x80", "must be valid Unicode text"},
		{"prose", Prose(9), "a\r\n\tb", ""},
		{"empty prose", Prose(9), "", ""},
		{"bell in prose", Prose(9), "\a", "must not hold control characters"},
		{"long prose", Prose(9), strings.Repeat("ü", 10), "must be at most 9 characters long"},
		{"address", EmailAddress, "ada+x@sub.example.com", ""},
		{"shortest address", EmailAddress, "a@b", ""},
		{"quote", EmailAddress, "o'neil@example.com", ""},
		{"no address", EmailAddress, "ada", "must be a plain e-mail address such as ada@example.com"},
		{"long address", EmailAddress, strings.Repeat("a", 249) + "@b.com", "must be at most 254 characters long"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := test.rule(test.value); got != test.fault {
				t.Errorf("%q: %q, want %q", test.value, got, test.fault)
			}
		})
	}
}

func TestOneOf(t *testing.T) {
	t.Parallel()
	role := OneOf(models.RoleAdmin, models.RoleMember)
	if got := role(models.RoleMember); got != "" {
		t.Errorf("member: %q", got)
	}
	if got := role("owner"); got != "must be admin or member" {
		t.Errorf("owner: %q", got)
	}
}
