package auth

import (
	"fmt"
	"net/mail"
	"strings"
)

// MaxEmail is how many bytes an e-mail address may have (RFC 5321, 4.5.3.1.3,
// less the angle brackets).
const MaxEmail = 254

// EmailError reports why an account can't have an e-mail address.
type EmailError struct {
	Email string
	// Rule is the rule that it breaks, for people.
	Rule string
}

// Error shows the address and the rule.
func (e *EmailError) Error() string { return fmt.Sprintf("e-mail address %q %s", e.Email, e.Rule) }

// CheckEmail returns an *EmailError for what is no address as RFC 5322 has it,
// in ASCII and without a name: databases know the case of no other letters.
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

// FoldEmail is equal for addresses that differ in the case of ASCII letters
// alone, which are one person's. It is what lower() makes of an address in the
// databases, whose columns know the case of no other letters.
func FoldEmail(email string) string { return strings.Map(foldASCII, email) }

func foldASCII(r rune) rune {
	if r >= 'A' && r <= 'Z' {
		return r + 'a' - 'A'
	}
	return r
}

func notPrintableASCII(r rune) bool { return r <= ' ' || r > '~' }
