package postgres

import (
	"context"
	"errors"
	"strings"
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/migrate"
	"tenantry/tenants/tenantstest/notes"
	"tenantry/tenants/tenantstest/pgcluster"
)

// localeServers are initdb's options for servers as they are found, and the SQL
// that makes a database for a master there.
func localeServers() map[string]struct {
	options []string
	create  string
	utf8    bool // the server's own databases are
} {
	const apart = "CREATE DATABASE master TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"
	return map[string]struct {
		options []string
		create  string
		utf8    bool
	}{
		"turkish":   {[]string{"--encoding=UTF8", "--locale=C", "--locale-provider=icu", "--icu-locale=tr"}, "CREATE DATABASE master", true},
		"SQL_ASCII": {[]string{"--encoding=SQL_ASCII", "--locale=C"}, apart, false},
		"LATIN1":    {[]string{"--encoding=LATIN1", "--locale=C"}, apart, false},
	}
}

// TestServersOfOtherLocales has a master and tenants on servers of several
// locales and encodings. Text is compared alike on all of them.
func TestServersOfOtherLocales(t *testing.T) {
	t.Parallel()
	for name, server := range localeServers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := pgcluster.NewWith(t, server.options...)
			root := parsed(t, cluster.URL())
			_, err := OpenMaster(t.Context(), MasterConfig{URL: cluster.URL()})
			var bad *URLError
			if server.utf8 != (err == nil) || !server.utf8 && (!errors.As(err, &bad) || !strings.Contains(bad.Reason, name)) {
				t.Errorf("a master in the server's own encoding: %v", err)
			}
			if err := attempt(t, root, root.Database, server.create); err != nil {
				t.Fatal(err)
			}
			url := strings.Replace(cluster.URL(), "/postgres?", "/master?", 1)
			master := openMaster(t, url)
			for _, subdomain := range []string{"initech", "info", "0a", "z"} {
				addTenant(t, master, subdomain)
			}
			wantOrder(t, master.View, "0a", "info", "initech", "z")
			e := newEngine(t, configAt(t, url))
			wantOnePerson(t, handle(t, e, made(t, e)))
		})
	}
}

// wantOrder expects subdomains in the order of their bytes, which is Go's.
func wantOrder(t *testing.T, view func(ctx context.Context, f func(*gorm.DB) error) error, want ...string) {
	t.Helper()
	var got []string
	err := view(t.Context(), func(tx *gorm.DB) error {
		return tx.Model(&tenants.Tenant{}).Where("lower(subdomain) = subdomain").Order("subdomain").Pluck("subdomain", &got).Error
	})
	if err != nil || strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("tenants are %q, %v; want %q", got, err, want)
	}
}

// wantOnePerson expects addresses that differ in ASCII's case to be one person's.
func wantOnePerson(t *testing.T, db *gorm.DB) {
	t.Helper()
	add := func(email string) error {
		return db.Create(&notes.Person{Email: email, Name: "Ada"}).Error
	}
	if err := add("INFO@acme.example"); err != nil {
		t.Fatal(err)
	}
	wantError(t, "the same address in other letters", add("info@acme.example"), gorm.ErrDuplicatedKey)
	if err := db.Take(&notes.Person{}, "lower(email) = ?", "info@acme.example").Error; err != nil {
		t.Errorf("look for the address: %v", err)
	}
}

// TestTenantsOfATurkishServer are those made before databases had a locale of
// their own.
func TestTenantsOfATurkishServer(t *testing.T) {
	t.Parallel()
	cluster := pgcluster.NewWith(t, localeServers()["turkish"].options...)
	root := parsed(t, cluster.URL())
	db := openMasterPool(root)
	defer db.Close()
	if _, err := migrate.Up(t.Context(), db, Dialect, notes.Schema().Migrations[Dialect]); err != nil {
		t.Fatal(err)
	}
	wantOnePerson(t, over(newEngine(t, configAt(t, cluster.URL())), &tenants.Conns{Write: db, Read: db}))
}
