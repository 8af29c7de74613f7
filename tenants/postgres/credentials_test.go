package postgres

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tenantry/tenants"
	"tenantry/tenants/seal"
)

// TestVerifierOfTheRFC is the example of RFC 7677, section 3: what the server
// and the client of that exchange send follows from the verifier's keys.
func TestVerifierOfTheRFC(t *testing.T) {
	t.Parallel()
	const (
		salt, nonce = "W22ZaJ0SNY7soEsUEjb6gQ==", "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
		exchange    = "n=user,r=rOprNGfwEbeRWgbNEkqO,r=" + nonce + ",s=" + salt + ",i=4096,c=biws,r=" + nonce
	)
	verifier, err := scramVerifier("pencil", decoded(t, salt), 4096)
	if err != nil {
		t.Fatal(err)
	}
	keys, ok := strings.CutPrefix(verifier, "SCRAM-SHA-256$4096:"+salt+"$")
	storedText, serverText, both := strings.Cut(keys, ":")
	if !ok || !both {
		t.Fatalf("verifier %s", verifier)
	}
	stored, server := decoded(t, storedText), decoded(t, serverText)
	if got := base64.StdEncoding.EncodeToString(sign(server, exchange)); got != "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" {
		t.Errorf("the server signs %s", got)
	}
	client := decoded(t, "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=") // the client's proof
	for i, b := range sign(stored, exchange) {
		client[i] ^= b
	}
	if sum := sha256.Sum256(client); !hmac.Equal(sum[:], stored) {
		t.Error("the client's proof doesn't lead to the stored key")
	}
}

func decoded(t *testing.T, text string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestCredentialsAreRandomAndSealed(t *testing.T) {
	t.Parallel()
	e := newEngine(t, config(t))
	first, second := unmade(t, e), unmade(t, e)
	one, err := e.password(first)
	if err != nil {
		t.Fatal(err)
	}
	two, err := e.password(second)
	if err != nil {
		t.Fatal(err)
	}
	if len(one) != 43 || one == two || bytes.Contains(first.Credentials, []byte(one)) {
		t.Errorf("passwords of %d characters, alike or stored in clear", len(one))
	}
}

// TestCredentialsOfOthersDontOpen: the tenant is unavailable, and the error
// says why without the secret.
func TestCredentialsOfOthersDontOpen(t *testing.T) {
	t.Parallel()
	e := newEngine(t, config(t))
	tenant, other := made(t, e), made(t, e)
	fresh, err := e.NewCredentials(tenant.ID)
	if err != nil {
		t.Fatal(err)
	}
	tampered := bytes.Clone(tenant.Credentials)
	tampered[len(tampered)-1] ^= 1
	foreign := newEngine(t, config(t)) // with other keys
	foreignCredentials, err := foreign.NewCredentials(tenant.ID)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		credentials []byte
		database    string
		why         error
	}{
		"copied from another row": {other.Credentials, tenant.Database, seal.ErrForged},
		"tampered with":           {tampered, tenant.Database, seal.ErrForged},
		"cut short":               {tenant.Credentials[:20], tenant.Database, seal.ErrForged},
		"of an unknown key":       {foreignCredentials, tenant.Database, seal.ErrUnknownKey},
		"missing":                 {nil, tenant.Database, errNoCredentials},
		"never made valid":        {fresh, tenant.Database, nil},
		"for another database":    {tenant.Credentials, other.Database, nil},
	} {
		row := &tenants.Tenant{ID: tenant.ID, Database: test.database, Credentials: test.credentials}
		_, err := e.Open(t.Context(), row)
		wantError(t, name, err, tenants.ErrUnavailable)
		if test.why == nil {
			if stateOf(err) != "28P01" {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		wantError(t, name, err, test.why)
		wantError(t, "create "+name, e.Create(t.Context(), row), tenants.ErrUnavailable, test.why)
	}
	opened(t, e, tenant)
}

// TestServerNeverHearsThePassword reads the log of a server that logs every
// statement.
func TestServerNeverHearsThePassword(t *testing.T) {
	t.Parallel()
	eachProvisioner(t, func(t *testing.T, s *own) {
		for _, statement := range []string{"ALTER SYSTEM SET log_statement = 'all'", "SELECT pg_reload_conf()"} {
			if err := attempt(t, s.root, s.root.Database, statement); err != nil {
				t.Fatal(err)
			}
		}
		waitFor(t, "the server to log statements", func() bool { return ask(t, s.Engine, "SHOW log_statement") == "all" })
		tenant := made(t, s.Engine)
		wantUsable(t, handle(t, s.Engine, tenant))
		log, err := os.ReadFile(filepath.Join(s.root.Host, "log"))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(log), "PASSWORD 'SCRAM-SHA-256$1:") || strings.Contains(string(log), s.loginOf(t, tenant).Password) {
			t.Error("the log doesn't hold the verifier, or holds the password")
		}
	})
}
