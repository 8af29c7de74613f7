package command

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tenantry/app"
)

// TestBadSettings: each bad value ends the start with status 2, and the message
// names the setting, the value and what would be right.
func TestBadSettings(t *testing.T) {
	t.Parallel()
	const anAddress, aURL, aNetwork, aPublicURL = "want HOST:PORT", "want sqlite:", "want networks as CIDR", "want http:// or https://"
	shown := map[string]string{"s3://KEY:hunter2@bucket": "…@bucket", "mysql://root@localhost/x": "mysql://…", "postgres://localhost": "postgres://…"} // for others, all of it
	tests := []struct{ flag, value, want string }{
		{"addr", "localhost", anAddress},
		{"addr", ":http", anAddress},
		{"addr", "127.0.0.1:65536", anAddress},
		{"addr", "127.0.0.1:-1", anAddress},
		{"addr", "127.0.0.1:080", anAddress},
		{"addr", "::1:8080", anAddress},
		{"addr", "http://127.0.0.1:8080", anAddress},
		{"operator-addr", "8081", anAddress},
		{"base-domain", "Example.com", "want a lower-case host name"},
		{"base-domain", "example.com:80", "want a lower-case host name"},
		{"base-domain", "example.com.", "want a lower-case host name"},
		{"base-domain", "https://example.com", "want a lower-case host name"},
		{"base-domain", "127.0.0.1", "want a lower-case host name"},
		{"database-url", "master.db", aURL},
		{"database-url", "sqlite:", aURL},
		{"database-url", "sqlite::memory:", aURL},
		{"database-url", "sqlite:data/", aURL},
		{"database-url", "sqlite:a%2fb.db", aURL},
		{"database-url", "mysql://root@localhost/x", aURL},
		{"database-url", "postgres://localhost", "want postgres://"},
		{"database-url", "postgres:localhost/x", "want postgres://"},
		{"database-url", "postgresql:///", "want postgres://"},
		{"durability", "off", "want full or normal"},
		{"log-format", "xml", "want text or json"},
		{"log-level", "loud", "want debug or info or warn or error"},
		{"log-level", "INFO+1", "want debug or info or warn or error"},
		{"max-tenant-size", "10 GB", "want a size from 1 byte, such as"},
		{"max-tenant-size", "-1GB", "want a size from 1 byte, such as"},
		{"max-tenant-size", "GB", "want a size from 1 byte, such as"},
		{"max-tenant-size", "9999999999TB", "want a size from 1 byte, such as"},
		{"max-tenant-size", "none", "want a size from 1 byte, such as"},
		{"max-tenant-requests", "100/m", "want a whole number of requests a second"},
		{"max-tenant-requests", "-1", "want a whole number of requests a second"},
		{"max-tenant-concurrency", "many", "want a whole number of requests at once"},
		{"max-tenant-concurrency", "99999999999999999999", "want a whole number of requests at once"},
		{"max-tenant-statement-time", "5", "want a duration from 1ms to 24h"},
		{"max-tenant-statement-time", "25h", "want a duration from 1ms to 24h"},
		{"max-tenant-body", "-1kB", "want a size from 1 byte, such as"},
		{"min-free-space", "5%", "want auto, a size such as"},
		{"max-open-tenants", "-1", "want a number from 1 to"},
		{"max-open-tenants", "many", "want a number from 1 to"},
		{"max-open-tenants", "1e3", "want a number from 1 to"},
		{"max-open-tenants", "1000001", "want a number from 1 to"},
		{"max-open-tenants", "99999999999999999999", "want a number from 1 to"},
		{"instance-ttl", "15", "want a duration from"},
		{"instance-ttl", "499ms", "want a duration from"},
		{"instance-ttl", "10m1s", "want a duration from"},
		{"instance-ttl", "-15s", "want a duration from"},
		{"lazy-migrate", "yes", "want auto or on or off"},
		{"master-away", "45", "want a duration up to"},
		{"master-away", "-1s", "want a duration up to"},
		{"master-away", "11m", "want a duration up to"},
		{"backup-url", "/var/backups", "want file:///FOLDER"},
		{"backup-url", "file://host/x", "want file:///FOLDER"},
		{"backup-url", "s3://KEY:hunter2@bucket", "without credentials"},
		{"backup-url", "s3://bucket?endpoint=bucket", "endpoint=https://HOST"},
		{"backup-interval", "10", "want a duration from 1s"},
		{"backup-interval", "999ms", "want a duration from 1s"},
		{"backup-interval", "25h", "want a duration from 1s"},
		{"backup-keep", "30", "want a duration of 1h"},
		{"backup-keep", "-1d", "want a duration of 1h"},
		{"backup-keep", "59m", "want a duration of 1h"},
		{"backup-keep", "1w", "want a duration of 1h"},
		{"proof-interval", "24", "want a duration of 1s"},
		{"proof-interval", "-1h", "want a duration of 1s"},
		{"proof-age", "999ms", "want a duration of 1s"},
		{"by", "   ", "want a name"},
		{"by", strings.Repeat("x", 101), "want a name"},
		{"trusted-proxies", "10.0.0.1", aNetwork},
		{"trusted-proxies", "10.0.0.1/8", aNetwork},
		{"trusted-proxies", "localhost", aNetwork},
		{"public-url", "localhost", aPublicURL},
		{"public-url", "ftp://localhost", aPublicURL},
		{"public-url", "https:localhost", aPublicURL},
		{"public-url", "https://", aPublicURL},
		{"public-url", "https://example.com", aPublicURL},
		{"public-url", "https://acme.localhost", aPublicURL},
		{"public-url", "https://LOCALHOST", aPublicURL},
		{"public-url", "https://localhost.", aPublicURL},
		{"public-url", "https://localhost:", aPublicURL},
		{"public-url", "https://localhost:0", aPublicURL},
		{"public-url", "https://localhost:070", aPublicURL},
		{"public-url", "https://localhost:65536", aPublicURL},
		{"public-url", "https://localhost/app", aPublicURL},
		{"public-url", "https://localhost//", aPublicURL},
		{"public-url", "https:///", aPublicURL},
	}
	for _, test := range tests {
		t.Run(test.flag+"="+test.value, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "data")
			env := app.EnvName(test.flag)
			inEnvironment := site{environ: []string{"TENANTRY_DATA_DIR=" + dir, env + "=" + test.value}, dir: dir}
			onCommandLine := site{environ: []string{"TENANTRY_DATA_DIR=" + dir}, dir: dir}
			for _, r := range []result{
				inEnvironment.run(t, "tenant", "list"),
				onCommandLine.run(t, "tenant", "list", "--"+test.flag+"="+test.value),
			} {
				if r.status != exitUsage || r.stdout != "" {
					t.Errorf("status %d and %q, want %d and nothing", r.status, r.stdout, exitUsage)
				}
				if strings.Contains(r.stderr, "hunter2") {
					t.Errorf("it tells a password: %q", r.stderr)
				}
				for _, part := range []string{env, "--" + test.flag, `"` + cmp.Or(shown[test.value], test.value) + `"`, test.want} {
					if !strings.Contains(r.stderr, part) {
						t.Errorf("%q does not contain %q", r.stderr, part)
					}
				}
			}
			if files := onCommandLine.files(t); len(files) > 1 {
				t.Errorf("a bad start left %v", files)
			}
		})
	}
}

func TestEveryBadSettingIsNamed(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.environ = append(s.environ, "TENANTRY_ADDR=x", "TENANTRY_DURABILITY=y")
	r := s.run(t, "serve")
	if r.status != exitUsage || !strings.Contains(r.stderr, "TENANTRY_ADDR") || !strings.Contains(r.stderr, "TENANTRY_DURABILITY") {
		t.Errorf("status %d: %s", r.status, r.stderr)
	}
}

// TestPasswordsAreNotShown gives URLs that are wrong in ways that make it hard
// to tell where the password is.
func TestPasswordsAreNotShown(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		"mysql://root:hunter2@localhost/x",
		"postgres://root:hunter2@localhost",
		"postgres://root:hun%ter2@localhost/x",
		"postgres://root:hunter2@localhost:port/x",
		"postgres://root:1#hunter2@localhost/x",
		"postgres://root:1?hunter2@localhost/x",
		"postgres://root:1/hunter2@localhost/x",
		"postgres://localhost?password=hunter2",
		"postgres:root:hunter2@localhost/x",
		"host=localhost user=root password=hunter2",
		"host=localhost user=root PASSWORD='hunter2'",
		"root:hunter2@tcp(localhost)/x",
	} {
		if r := (site{}).run(t, "tenant", "list", "--public-url="+value); r.status != exitUsage || strings.Contains(r.stderr, "hunter2@") {
			t.Errorf("as public URL: status %d: %s", r.status, r.stderr)
		}
		for _, args := range [][]string{
			{"tenant", "list", "--database-url=" + value},
			{"tenant", "list", "--database-ulr=" + value},
			{"tenant", "list", value},
		} {
			r := site{}.run(t, args...)
			if r.status != exitUsage || strings.Contains(r.stdout+r.stderr, "hunter2") {
				t.Errorf("status %d: %s", r.status, r.stderr)
			}
		}
	}
}

func TestSettingsFromFlagEnvironmentAndDefault(t *testing.T) {
	t.Parallel()
	s := site{environ: []string{"TENANTRY_ADDR=:1", "TENANTRY_BASE_DOMAIN=example.com", "TENANTRY_TRUSTED_PROXIES=10.0.0.0/8, fd00::/8", "TENANTRY_OPERATOR_ADDR="}}
	c := s.config(t, "--addr=:2")
	if c.Addr != ":2" || c.BaseDomain != "example.com" || c.OperatorAddr != "127.0.0.1:8081" {
		t.Errorf("%+v; want the flag, then the environment, then the default", c)
	}
	if c := s.config(t, "--max-open-tenants=7"); c.MaxOpenTenants != "7" {
		t.Errorf("--max-open-tenants=7 is %s", c.MaxOpenTenants)
	}
	if !slices.Equal(c.TrustedProxies, []string{"10.0.0.0/8", " fd00::/8"}) {
		t.Errorf("proxies %v", c.TrustedProxies)
	}
}
