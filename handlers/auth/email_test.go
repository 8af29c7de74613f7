package auth

import (
	"errors"
	"strings"
	"testing"
)

func TestCheckEmail(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"a@b", "ada+x@sub.example.com", "o'neil@example.com", strings.Repeat("a", 240) + "@example.com"} {
		if err := CheckEmail(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "ada", "@example.com", "ada@", "Ada <ada@example.com>", "<ada@example.com>", "ada@example.com, bob@example.com",
		" ada@example.com", "ada@example.com\n", "ada@exa mple.com", "ädä@example.com", "ada\x00@example.com",
		strings.Repeat("a", 243) + "@example.com",
	} {
		var refused *EmailError
		if err := CheckEmail(bad); !errors.As(err, &refused) || refused.Email != bad || refused.Rule == "" {
			t.Errorf("%.30q: %v", bad, err)
		}
	}
}

func TestFoldEmail(t *testing.T) {
	t.Parallel()
	for email, want := range map[string]string{
		"INFO@Acme.Example": "info@acme.example",
		"\u212aelvin@x.com": "\u212aelvin@x.com", // strings.ToLower makes it a k
		"\u0130@x.com":      "\u0130@x.com",
	} {
		if got := FoldEmail(email); got != want {
			t.Errorf("%q is %q, want %q", email, got, want)
		}
	}
}

func FuzzCheckEmail(f *testing.F) {
	f.Add("ada@example.com")
	f.Add(`"a b"@example.com`)
	f.Fuzz(func(t *testing.T, email string) {
		if CheckEmail(email) == nil && (len(email) > MaxEmail || strings.ContainsAny(email, " \t\r\n\x00")) {
			t.Errorf("%q is let through", email)
		}
	})
}
