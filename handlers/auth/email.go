package auth

import (
	"fmt"
	"net/mail"
	"strings"
)

// MaxEmail is the longest e-mail address in bytes (RFC 5321, 4.5.3.1.3, without the
// angle brackets).
const MaxEmail = 254

// EmailError reports why an account can't have an e-mail address.
type EmailError struct {
	Email string
	// Rule is the rule that the address breaks, for people.
	Rule string
}

// Error returns the address and the rule.
func (e *EmailError) Error() string { return fmt.Sprintf("e-mail address %q %s", e.Email, e.Rule) }

// CheckEmail returns an *EmailError unless the text is an address as in RFC 5322,
// without a name, and in ASCII, because databases compare no other letters without
// regard to case.
func CheckEmail(email string) error {
	if len(email) > MaxEmail {
		return &EmailError{email, fmt.Sprintf("must be at most %d characters long", MaxEmail)}
	}
	address, err := mail.ParseAddress(email)
	if err != nil || address.Address != email || strings.ContainsFunc(email, notPrintableASCII) {
		return &EmailError{email, "must be a plain e-mail address such as ada@example.com"}
	}
	return nil
}

// FoldEmail returns the address with its ASCII letters in lower case. Addresses
// that differ only in these are one person's. It does the same as lower() on the
// databases' columns, which leaves other letters as they are.
func FoldEmail(email string) string { return strings.Map(foldASCII, email) }

func foldASCII(r rune) rune {
	if r >= 'A' && r <= 'Z' {
		return r + 'a' - 'A'
	}
	return r
}

func notPrintableASCII(r rune) bool { return r <= ' ' || r > '~' }
