package command

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tenantry/app"
	"tenantry/tenants/seal"
)

// TestBadSecrets: each ends the start with status 2, names the setting, and
// tells nothing of the value.
func TestBadSecrets(t *testing.T) {
	t.Parallel()
	const token = "sesame-sesame-sesame-sesame-sesame"
	key := seal.GenerateKey()
	for _, test := range []struct{ setting, value, want string }{
		{"SECRET_KEY", "hunter2", "is not in base64"},
		{"SECRET_KEY", "aHVudGVyMg==", "is 7 bytes long"},
		{"SECRET_KEY", key + ",", "(key 2 of 2) is empty"},
		{"SECRET_KEY", key + "," + key, "(key 2 of 2)"},
		{"SECRET_KEY", key[:43] + "!", "not in base64"},
		{"OPERATOR_TOKEN", token[:31], "is 31 characters long"},
		{"OPERATOR_TOKEN", strings.Repeat(token, 16), "is 544 characters long"},
		{"OPERATOR_TOKEN", token + " x", "a header can't carry"},
		{"OPERATOR_TOKEN", " " + token, "a header can't carry"},
		{"OPERATOR_TOKEN", token + "ü", "a header can't carry"},
		{"SMTP_URL", "smtp://u:hunter2@h/x", "can't be read: want smtp://USER"},
		{"WEBHOOK_URL", "http://hunter2.example/x", "can't be used: want https://HOST"},
		{"WEBHOOK_URL", "https://hunter2.example/x", "TENANTRY_WEBHOOK_SECRET is not set, and TENANTRY_WEBHOOK_URL is"},
		{"WEBHOOK_SECRET", "whsec_hunter2", "can't be used: want whsec_"},
		{"WEBHOOK_SECRET", webhookSecret, "TENANTRY_WEBHOOK_URL is not set, and TENANTRY_WEBHOOK_SECRET is"},
		{"DEMO_PASSWORD", "hunter2", "at least 12 bytes"},
		{"DEMO_PASSWORD", strings.Repeat("hunter2", 200), "at most 1024 bytes"},
	} {
		s := newSQLite(t)
		s.environ = append(s.environ, "TENANTRY_"+test.setting+"="+test.value)
		r := s.run(t, "tenant", "list")
		if r.status != exitUsage || r.stdout != "" || !strings.Contains(r.stderr, "TENANTRY_"+test.setting) || !strings.Contains(r.stderr, test.want) {
			t.Errorf("%s=%s: status %d, %q, %q", test.setting, test.value, r.status, r.stdout, r.stderr)
		}
		if strings.Contains(r.stderr, test.value) || strings.Contains(r.stderr, "--") {
			t.Errorf("%s is shown, or a flag is: %s", test.setting, r.stderr)
		}
		if files := s.files(t); len(files) > 0 {
			t.Errorf("a bad start left %v", files)
		}
	}
}

func TestSecretsAreNoArguments(t *testing.T) {
	t.Parallel()
	for _, setting := range app.SecretSettings() {
		for _, args := range [][]string{{"tenant", "list", "--" + setting + "=hunter2"}, {"--" + setting, "hunter2", "tenant", "list"}} {
			r := site{}.run(t, args...)
			if r.status != exitUsage || strings.Contains(r.stderr, "hunter2") || !strings.Contains(r.stderr, app.EnvName(setting)) {
				t.Errorf("%v: status %d, %s", args, r.status, r.stderr)
			}
		}
	}
}

func TestPostgresNeedsASecretKey(t *testing.T) {
	t.Parallel()
	r := site{}.run(t, "serve", "--database-url=postgres://u@127.0.0.1:1/d")
	if r.status != exitUsage {
		t.Errorf("status %d", r.status)
	}
	for _, part := range []string{"TENANTRY_SECRET_KEY is not set", "32 random bytes", "head -c 32 /dev/urandom | base64"} {
		if !strings.Contains(r.stderr, part) {
			t.Errorf("%q does not contain %q", r.stderr, part)
		}
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	c := site{environ: []string{"TENANTRY_SECRET_KEY=hunter2", "TENANTRY_OPERATOR_TOKEN=hunter2", "TENANTRY_DEMO_PASSWORD=hunter2", "TENANTRY_SMTP_URL=hunter2", "TENANTRY_WEBHOOK_URL=hunter2", "TENANTRY_WEBHOOK_SECRET=hunter2"}}.config(t)
	if c.SecretKey != "hunter2" || c.OperatorToken != "hunter2" || c.DemoPassword != "hunter2" || c.SMTPURL != "hunter2" || c.WebhookURL != "hunter2" || c.WebhookSecret != "hunter2" {
		t.Fatal("the environment was not read")
	}
	var log buffer
	newLog(c, &log).Info("config", "config", c, "secret", c.SecretKey)
	marshalled, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		fmt.Sprint(c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c), fmt.Sprintf("%q %x %d %s", c.SecretKey, c.SecretKey, c.SecretKey, c.SecretKey),
		log.String(), string(marshalled),
	} {
		if strings.Contains(text, "hunter2") || strings.Contains(text, fmt.Sprintf("%x", "hunter2")) {
			t.Errorf("shown in %s", text)
		}
	}
}

func TestHelpTellsSecretsWithoutTheirValues(t *testing.T) {
	t.Parallel()
	s := site{environ: []string{"TENANTRY_SECRET_KEY=hunter2", "TENANTRY_OPERATOR_TOKEN=hunter2"}}
	for _, args := range [][]string{{"--help"}, {"serve", "--help"}} {
		r := s.run(t, args...)
		if r.status != exitDone || !strings.Contains(r.stdout, "TENANTRY_OPERATOR_TOKEN") || strings.Contains(r.stdout, "hunter2") {
			t.Errorf("%v: %s", args, r.stdout)
		}
	}
	r := site{environ: []string{"TENANTRY_OPERATOR_TOKENS=hunter2"}}.run(t, "version")
	if want := "tenantry: warning: TENANTRY_OPERATOR_TOKENS is not a setting; did you mean TENANTRY_OPERATOR_TOKEN?\n"; r.stderr != want {
		t.Errorf("%q, want %q", r.stderr, want)
	}
}

func TestGeneratedKeyIsKept(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	path := filepath.Join(s.dir, "secret.key")
	var first []byte
	for range 2 {
		s.install(t)
		key, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info.Mode(), err)
		}
		if first == nil {
			first = key
		}
		if string(first) != string(key) {
			t.Error("the key is another one")
		}
	}
	set := newSQLite(t)
	set.environ = append(set.environ, "TENANTRY_SECRET_KEY="+seal.GenerateKey()+","+seal.GenerateKey())
	set.install(t)
	if _, err := os.Stat(filepath.Join(set.dir, "secret.key")); !os.IsNotExist(err) {
		t.Errorf("a key was generated beside the setting: %v", err)
	}
}
