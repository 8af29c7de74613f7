// Package auth checks passwords and credentials. It knows neither databases nor
// routes.
//
//	password.go    which passwords are allowed
//	hasher.go      hashes passwords, a few at a time
//	phc.go         the text form of a hash
//	credential.go  sessions, API tokens and invitations, bound to their tenant
//	email.go       which addresses are allowed
//	header.go      the credential of a request
//
// No error contains a password or credential, and neither is stored in clear:
// hashes and digests are.
package auth

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Passwords have 12 to 1,024 bytes of UTF-8.
const (
	MinPassword = 12
	MaxPassword = 1024
)

// PasswordError reports which rule a new password breaks. It doesn't contain the
// password.
type PasswordError struct {
	// Rule is the rule as the end of a sentence that begins with the field's name,
	// such as "must be at least 12 bytes long".
	Rule string
}

// Error returns the rule.
func (e *PasswordError) Error() string { return "password " + e.Rule }

// CheckPassword returns a *PasswordError if the password is not allowed. Any
// Unicode is, no kind of character is required, and nothing is cut off (NIST SP
// 800-63B, Passwords). U+FFFD is refused because encoding/json replaces invalid
// text with it.
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

// normal returns the text that is hashed for a password: its NFC, so that an é is
// the same whether a keyboard types one character or two. NIST SP 800-63B
// recommends NFKC or NFKD, which would also turn ² into 2. RFC 8265, 4.2.2, on
// passwords, recommends NFC, which never equates characters that people
// distinguish.
func normal(password string) []byte { return norm.NFC.AppendString(nil, password) }
