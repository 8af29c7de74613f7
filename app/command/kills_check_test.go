package command

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
)

// look describes a tenant: its subdomain, with X for its first subdomain, its
// state and its domains. It is empty if there is no tenant.
func (k *killer) look(t *testing.T, subdomain string) string {
	t.Helper()
	got := k.find(t, subdomain)
	if got == nil {
		return ""
	}
	words := []string{strings.Replace(got.Subdomain, subdomain, "X", 1), string(got.State)}
	if got.State == tenants.StatePurged {
		words = []string{"purged"}
		if got.RemoveAfter == nil {
			words = append(words, "removed")
		}
	}
	if got.Name != subdomain {
		words = append(words, got.Name)
	}
	if k.isSwapped(t, subdomain) {
		words = append(words, "swapped")
	}
	if got.Limits != (tenants.Limits{}) || got.Settings.String() != "{}" {
		words = append(words, "limited")
	}
	if got.Maintenance.IsOn() {
		words = append(words, "closed")
	}
	for _, d := range got.Domains {
		words = append(words, strings.Replace(d.Host, subdomain, "X", 1))
		if d.VerifiedAt != nil {
			words = append(words, "verified")
		}
	}
	return strings.Join(words, " ")
}

// isSwapped reports whether the tenant at the subdomain is its former copy.
func (k *killer) isSwapped(t *testing.T, subdomain string) bool {
	t.Helper()
	got, other := k.find(t, subdomain), k.find(t, "copy-"+subdomain)
	return got != nil && other != nil && got.ID > other.ID
}

// find is the tenant that had the subdomain at first, or nil.
func (k *killer) find(t *testing.T, subdomain string) *tenants.Tenant {
	t.Helper()
	for _, name := range []string{subdomain, "new-" + subdomain} {
		got, err := k.app.Manager().Get(t.Context(), name)
		if err == nil {
			return got
		}
		if !errors.Is(err, tenants.ErrUnknownTenant) {
			t.Fatal(err)
		}
	}
	return nil
}

func (k *killer) unfinished(t *testing.T) []tenants.Operation {
	t.Helper()
	page, _, err := k.app.Manager().Operations(t.Context(), lifecycle.OperationFilter{Unfinished: true}, "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// isDue reports whether a purged tenant has data that a server removes.
func (k *killer) isDue(t *testing.T) bool {
	t.Helper()
	var due int64
	err := k.app.Store().Master().View(t.Context(), func(tx *gorm.DB) error {
		return tx.Model(&tenants.Tenant{}).Where("remove_after <= ?", time.Now().UTC()).Count(&due).Error
	})
	if err != nil {
		t.Fatal(err)
	}
	return due > 0
}

// expectWanted expects every victim as before or finished.
func (k *killer) expectWanted(t *testing.T, victims []victim) {
	t.Helper()
	for _, v := range victims {
		if got := k.look(t, v.subdomain); !slices.Contains(v.wanted, got) {
			t.Errorf("%s killed at %s: the tenant is %q, want one of %q", v.command, v.point, got, v.wanted)
		}
	}
	for _, o := range k.unfinished(t) {
		t.Errorf("unfinished: %+v", o)
	}
	if t.Failed() {
		t.FailNow()
	}
}

// expectSane expects that nothing is wrong anywhere, nothing left over, the
// victims' data there, and the bystander's.
func (k *killer) expectSane(t *testing.T, victims []victim) {
	t.Helper()
	if r := k.site.process(t, nil, "migrate", "up"); r.status != exitDone { // those that died before they began are behind
		t.Errorf("migrate up: status %d, %s%s", r.status, r.stdout, r.stderr)
	}
	if r := k.site.process(t, nil, "doctor"); r.status != exitDone {
		t.Errorf("doctor: status %d, %s%s", r.status, r.stdout, r.stderr)
	}
	if n, missing := k.told.missing(t, k.app.Store().Master()); len(missing) > 0 {
		t.Errorf("of %d operations that ended %d were not delivered, and will not be: %+v", n, len(missing), missing)
	}
	k.expectThings(t)
	k.expectRow(t, "bystander")
	for _, v := range victims {
		k.expectData(t, v)
	}
}

// expectData brings the tenant back, if there is one, and finds its row.
func (k *killer) expectData(t *testing.T, v victim) {
	t.Helper()
	got := k.find(t, v.subdomain)
	if got == nil || got.State == tenants.StatePurged && got.RemoveAfter == nil {
		return
	}
	back := k.app.Manager().Restore
	if got.State == tenants.StateSuspended {
		back = k.app.Manager().Resume
	}
	if got.State != tenants.StateActive {
		if _, err := back(t.Context(), "ada", got.Subdomain); err != nil {
			t.Errorf("%s killed at %s: bring it back: %v", v.command, v.point, err)
			return
		}
	}
	if strings.HasPrefix(v.command, "tenant create") && strings.Contains(v.command, "--admin-email") {
		k.expectAdmin(t, v)
	}
	switch {
	case k.isSwapped(t, v.subdomain):
		k.expectRowOf(t, v.subdomain, "copy-"+v.subdomain)
		k.expectRowOf(t, "copy-"+v.subdomain, v.subdomain)
	case strings.Contains(v.prepare, "create") && !strings.Contains(v.prepare, "lose"):
		k.expectRow(t, v.subdomain)
	}
}

// expectAdmin expects the admin that the tenant was to be created with.
func (k *killer) expectAdmin(t *testing.T, v victim) {
	t.Helper()
	var admins int64
	err := k.app.Store().View(t.Context(), k.find(t, v.subdomain), func(tx *gorm.DB) error {
		return tx.Model(&models.User{}).Where("email = ? AND role = ?", "ada@example.com", models.RoleAdmin).Count(&admins).Error
	})
	if err != nil || admins != 1 {
		t.Errorf("%s killed at %s: the tenant has %d such admins, %v", v.command, v.point, admins, err)
	}
}

// expectRow expects the one project that createWithRow made.
func (k *killer) expectRow(t *testing.T, subdomain string) {
	t.Helper()
	k.expectRowOf(t, subdomain, subdomain)
}

// expectRowOf expects the one project that createWithRow made for the tenant called first.
func (k *killer) expectRowOf(t *testing.T, subdomain, first string) {
	t.Helper()
	var names []string
	tenant, scope := k.find(t, subdomain), k.app.Store().View
	if tenant.Maintenance.IsOn() {
		scope = k.app.Store().Maintain
	}
	err := scope(t.Context(), tenant, func(tx *gorm.DB) error {
		return tx.Model(&models.Project{}).Pluck("name", &names).Error
	})
	if err != nil || !slices.Equal(names, []string{first}) {
		t.Errorf("projects of %s: %q, %v", subdomain, names, err)
	}
}

// things are files in the data folder, databases and roles on the server, or schemas and the roles of schemas.
type things []string

// things are what there is. Files that SQLite keeps beside a database are
// passed over where that is there.
func (k *killer) things(t *testing.T) things {
	t.Helper()
	if url := k.site.databaseURL(); url != "" {
		return databasesAndRoles(t, url)
	}
	var all things
	if k.schemas != "" {
		all = schemasAndRoles(t, k.schemas)
	}
	for _, name := range everyFile(t, k.site.dir) {
		main, beside := strings.CutSuffix(strings.TrimSuffix(name, "-wal"), "-shm")
		if beside = beside || strings.HasSuffix(name, "-wal"); beside && fileExists(main) {
			continue
		}
		all = append(all, strings.TrimPrefix(name, k.site.dir))
	}
	slices.Sort(all)
	return all
}

func everyFile(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func fileExists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// connect connects to a server. The connection is closed when the test ends.
func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) }) // the server may be gone
	return conn
}

func databasesAndRoles(t *testing.T, url string) things {
	t.Helper()
	rows, err := connect(t, url).Query(t.Context(), `SELECT 'database ' || datname FROM pg_database
		UNION ALL SELECT 'role ' || rolname FROM pg_roles`)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

// expectThings expects what every tenant has, what the program keeps for
// itself, and nothing else.
func (k *killer) expectThings(t *testing.T) {
	t.Helper()
	want := slices.Clone(k.made)
	page, _, err := k.app.Manager().List(t.Context(), "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range page {
		want = append(want, k.thingsOf(row)...)
	}
	slices.Sort(want)
	got := k.things(t)
	for _, name := range got {
		if !slices.Contains(want, name) {
			t.Errorf("left over: %s", name)
		}
	}
	for _, name := range want {
		if !slices.Contains(got, name) {
			t.Errorf("missing: %s", name)
		}
	}
}

// thingsOf returns the objects that belong to a tenant.
func (k *killer) thingsOf(row tenants.Tenant) things {
	trashed := row.State == tenants.StatePurged
	if row.Server != k.home { // no test looks into that server
		if row.LeftServer == nil {
			return nil
		}
		row.Database, trashed = *row.LeftDatabase, true
		row.RemoveAfter = row.LeftUntil
	}
	switch {
	case trashed && row.RemoveAfter == nil:
		return nil
	case k.schemas != "" && trashed:
		return things{"schema trash_" + row.ID, "role t_" + row.ID}
	case k.schemas != "":
		return things{"schema t_" + row.ID, "role t_" + row.ID}
	case k.site.databaseURL() != "" && trashed:
		return things{"database trash_" + row.ID, "role t_" + row.ID}
	case k.site.databaseURL() != "":
		return things{"database t_" + row.ID, "role t_" + row.ID}
	case trashed:
		return things{"/trash/" + row.Database}
	}
	return things{"/tenants/" + row.Database}
}
