// Package auth tells who may be let in: passwords, credentials made at random,
// and where a request carries them. It knows no database and no routes.
//
//	password.go    what a password may be
//	hasher.go      hashes passwords, a few at a time
//	phc.go         how a hash is written down
//	credential.go  sessions, API tokens and invitations, bound to their tenant
//	email.go       what an address may be
//	header.go      the credential that a request carries
//
// Passwords and credentials in clear are never in an error and never kept:
// what is stored are hashes and digests.
package auth

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Passwords are of 12 to 1,024 bytes of UTF-8, as they were typed.
const (
	MinPassword = 12
	MaxPassword = 1024
)

// PasswordError reports which rule a new password breaks. It doesn't contain the
// password.
type PasswordError struct {
	// Rule is the rule, in words that follow the field's name, such as "must
	// be at least 12 bytes long".
	Rule string
}

// Error names the rule.
func (e *PasswordError) Error() string { return "password " + e.Rule }

// CheckPassword returns a *PasswordError when nobody may choose the password.
// Any Unicode is welcome, no kind of character is asked for, and nothing is cut
// off (NIST SP 800-63B, Passwords). U+FFFD is refused because encoding/json puts
// it in the place of what is no Unicode.
func CheckPassword(password string) error {
	switch {
	case len(password) < MinPassword:
		return &PasswordError{"must be at least 12 bytes long"}
	case len(password) > MaxPassword:
		return &PasswordError{"must be at most 1024 bytes long"}
	case strings.ContainsRune(password, utf8.RuneError):
		return &PasswordError{"must be valid Unicode text"}
	}
	return nil
}

// normal is what is hashed of a password: its NFC, so that an é that one
// keyboard types as one character and another as two is the same. NIST SP 800-63B
// asks for NFKC or NFKD, which would also make ² a 2; RFC 8265, 4.2.2, on
// passwords asks for NFC, which takes no two characters for one that people tell
// apart.
func normal(password string) []byte { return norm.NFC.AppendString(nil, password) }
