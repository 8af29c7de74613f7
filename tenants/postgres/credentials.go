package postgres

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

	"tenantry/tenants"
)

// errNoCredentials means that the tenant's row in the master has no credentials.
var errNoCredentials = errors.New("the tenant has no credentials")

// NewCredentials returns the credentials of a tenant, sealed, or nil if tenants of this engine have none.
func (e *Engine) NewCredentials(id string) (sealed []byte, err error) {
	return e.layout.newCredentials(id)
}

// newPassword returns a random password, sealed for the tenant.
func (e *Engine) newPassword(id string) ([]byte, error) {
	return e.config.Keys.Seal(id, []byte(base64.RawURLEncoding.EncodeToString(randomBytes(32))))
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never returns an error: it crashes the program instead
	return b
}

// password returns the password in the tenant's credentials.
func (e *Engine) password(t *tenants.Tenant) (string, error) {
	if len(t.Credentials) == 0 {
		return "", fmt.Errorf("%w: %w", tenants.ErrUnavailable, errNoCredentials)
	}
	password, err := e.config.Keys.Open(t.ID, t.Credentials)
	if err != nil {
		return "", fmt.Errorf("%w: %w", tenants.ErrUnavailable, err)
	}
	return string(password), nil
}

// verifier returns what the server stores to verify the tenant's password.
func (e *Engine) verifier(t *tenants.Tenant) (string, error) {
	password, err := e.password(t)
	if err != nil {
		return "", err
	}
	return scramVerifier(password, randomBytes(16), iterations)
}

// iterations is the number of PBKDF2 rounds that the server asks of the client at each connect. Rounds make
// guessing slow; a password of 256 random bits can't be guessed at any speed. 4096, Postgres' default, cost
// the client milliseconds of CPU for every connection.
const iterations = 1

// scramVerifier returns the SCRAM-SHA-256 verifier of an ASCII password (RFC 5802, RFC 7677) in the form
// that Postgres stores. The password can't be computed from it, so none gets into the server's log.
func scramVerifier(password string, salt []byte, iterations int) (string, error) {
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		return "", fmt.Errorf("derive key: %w", err)
	}
	stored := sha256.Sum256(sign(salted, "Client Key"))
	encode := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", iterations, encode(salt), encode(stored[:]), encode(sign(salted, "Server Key"))), nil
}

func sign(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}
