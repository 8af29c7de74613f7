package app

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"tenantry/handlers/auth"
	"tenantry/tenants/seal"
)

// Secrets are the settings that are taken from the environment alone, because
// other users of a machine can read the arguments of its processes.
type Secrets struct {
	// SecretKey are the keys that seal what is secret in the master, the newest
	// first. Empty, with a SQLite master, takes DataDir/secret.key, which is
	// made where it is missing. A Postgres master needs it.
	SecretKey Secret
	// OperatorToken gives operators access. Defaults to the content of
	// DataDir/operator.token, which is created if it is missing.
	OperatorToken Secret
	// DemoPassword is set for an admin of each demo tenant by serve --demo.
	// Empty takes a random one at each start.
	DemoPassword Secret
	// SMTPURL is the mail server, as mail.Settings has it. Without it messages wait for an operator.
	SMTPURL Secret
	// WebhookURL is where webhooks go, and WebhookSecret what signs them, as webhooks.ParseTarget has them. There are none
	// without both.
	WebhookURL, WebhookSecret Secret
}

// Secret is a text that is never shown, however it is printed, logged or
// marshalled.
type Secret string

// notShown stands for a Secret.
const notShown = "(secret)"

// String returns a placeholder, not the secret.
func (Secret) String() string { return notShown }

// Format writes String for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, notShown) }

// LogValue is String.
func (Secret) LogValue() slog.Value { return slog.StringValue(notShown) }

// MarshalText is String.
func (Secret) MarshalText() ([]byte, error) { return []byte(notShown), nil }

const (
	secretKey     = "secret-key"
	operatorToken = "operator-token"
	demoPassword  = "demo-password"
	smtpURL       = "smtp-url"
	webhookURL    = "webhook-url"
	webhookSecret = "webhook-secret"
)

// SecretSettings are the names of Secrets, as if they were flags.
func SecretSettings() []string {
	return []string{secretKey, operatorToken, demoPassword, smtpURL, webhookURL, webhookSecret}
}

func isSecret(setting string) bool { return slices.Contains(SecretSettings(), setting) }

// SecretsFrom takes the secrets out of the environment.
func SecretsFrom(environ []string) Secrets {
	values := map[string]Secret{}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		values[name] = Secret(value)
	}
	return Secrets{
		SecretKey:     values[EnvName(secretKey)],
		OperatorToken: values[EnvName(operatorToken)],
		DemoPassword:  values[EnvName(demoPassword)],
		SMTPURL:       values[EnvName(smtpURL)],
		WebhookURL:    values[EnvName(webhookURL)],
		WebhookSecret: values[EnvName(webhookSecret)],
	}
}

// readSecrets reads the secrets. It needs to know the master.
func (c Config) readSecrets(s *settings) error {
	var keys, token error
	s.keys, keys = c.keys(s.postgresURL != "")
	s.token, token = c.token()
	return errors.Join(keys, token, c.checkDemoPassword())
}

// keys reads the keys; nil stands for the generated one.
func (s Secrets) keys(required bool) (*seal.Ring, error) {
	const want = seal.WantKeys + "; keep them as safe as the database, and a copy elsewhere"
	if s.SecretKey == "" {
		if required {
			return nil, &SettingError{secretKey, "is not set, and a Postgres master needs it",
				want + "; make one with: head -c 32 /dev/urandom | base64"}
		}
		return nil, nil
	}
	ring, err := seal.ParseKeys(string(s.SecretKey))
	var bad *seal.KeyError
	switch {
	case errors.As(err, &bad) && bad.Count > 1:
		return nil, &SettingError{secretKey, fmt.Sprintf("(key %d of %d) %s", bad.Number, bad.Count, bad.Fault), want}
	case errors.As(err, &bad):
		return nil, &SettingError{secretKey, bad.Fault, want}
	}
	return ring, err
}

// token is the operator's token; empty stands for the generated one.
func (s Secrets) token() (string, error) {
	if s.OperatorToken == "" {
		return "", nil
	}
	if fault := tokenFault(string(s.OperatorToken)); fault != "" {
		return "", &SettingError{operatorToken, fault, wantToken + "; make one with: openssl rand -hex 32"}
	}
	return string(s.OperatorToken), nil
}

const (
	minToken  = 32
	maxToken  = 512
	wantToken = "32 to 512 letters, digits and -._~+/= that nobody can guess"
)

// tokenFault returns what is wrong with an operator's token, or an empty
// string.
func tokenFault(token string) string {
	switch text, err := auth.Bearer("Bearer " + token); {
	case len(token) < minToken || len(token) > maxToken:
		return fmt.Sprintf("is %d characters long", len(token))
	case err != nil || text != token:
		return "holds characters that a header can't carry as a token"
	}
	return ""
}

func (s Secrets) checkDemoPassword() error {
	if s.DemoPassword == "" {
		return nil
	}
	var bad *auth.PasswordError
	if errors.As(auth.CheckPassword(string(s.DemoPassword)), &bad) {
		return &SettingError{demoPassword, bad.Rule, "a password of 12 to 1024 bytes"}
	}
	return nil
}
