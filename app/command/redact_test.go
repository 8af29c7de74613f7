package command

import (
	"strings"
	"testing"
)

// TestNoURLShowsItsPassword puts a password that is hard to find into each place
// of each kind of URL that people write, well and badly.
func TestNoURLShowsItsPassword(t *testing.T) {
	t.Parallel()
	adopting := newSQLite(t)
	const head, tail = "Summer", "ZKennwort"
	for _, between := range []string{"", "@", "/", ":", "#", "?", "%zz", " ", "&a=", "@b?user="} {
		for _, form := range []string{
			"postgres://tenantry:PASSWORD@127.0.0.1:1/m", "postgresql://tenantry:PASSWORD@127.0.0.1:1,127.0.0.1:2/m?sslmode=disable",
			"postgres://tenantry:PASSWORD@127.0.0.1/m?sslmode=bad", "postgres://tenantry:PASSWORD@127.0.0.1:port/m", "postgres://tenantry:PASSWORD@127.0.0.1:1",
			"postgres://:PASSWORD@/m?host=/nowhere", "postgres:///m?host=/nowhere&password=PASSWORD", "postgres://127.0.0.1:1?password=PASSWORD&dbname=m",
			"postgres:tenantry:PASSWORD@127.0.0.1/m", "mysql://tenantry:PASSWORD@127.0.0.1/m", "tenantry:PASSWORD@tcp(127.0.0.1)/m",
			"host=127.0.0.1 password=PASSWORD dbname=m", "host=127.0.0.1 password='PASSWORD' dbname=m",
			"sqlite://tenantry:PASSWORD@127.0.0.1/m", "sqlite:tenantry:PASSWORD@127.0.0.1", "sqlite:m.db?_auth_pass=PASSWORD", "sqlite:m.db?key=PASSWORD",
		} {
			value := strings.ReplaceAll(form, "PASSWORD", head+between+tail)
			runs := []result{onPostgres(t, value).run(t, "tenant", "list"), adopting.run(t, "tenant", "create", "acme", "--from="+value)}
			if between == "" {
				runs = append(runs, adopting.run(t, "tenant", "list", value), adopting.run(t, "tenant", "list", "--database-ulr="+value))
			}
			for i, r := range runs {
				if text := r.stdout + r.stderr; r.status == exitDone || strings.Contains(text, tail) {
					t.Errorf("%q, run %d: status %d: %s", value, i, r.status, text)
				}
			}
		}
	}
}
