package postgres

import (
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest/notes"
	"tenantry/tenants/tenantstest/pgcluster"
)

// TestStandbyIsPassedOver: of several hosts the primary serves, and a standby alone is unavailable until it is promoted.
func TestStandbyIsPassedOver(t *testing.T) {
	t.Parallel()
	standby, primary := pgcluster.New(t), pgcluster.New(t)
	both := samePassword(t, standby, primary)
	standby.Stop()
	if err := os.WriteFile(filepath.Join(standby.Dir(), "data", "standby.signal"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	standby.Start()

	_, masterErr := OpenMaster(t.Context(), MasterConfig{URL: standby.URL()})
	wantError(t, "master on a standby", masterErr, tenants.ErrUnavailable)
	_, engineErr := New(t.Context(), configAt(t, standby.URL()))
	wantError(t, "engine on a standby", engineErr, tenants.ErrUnavailable)
	for _, attributes := range []string{"", "&target_session_attrs=read-write"} {
		master, err := OpenMaster(t.Context(), MasterConfig{URL: both + attributes})
		if err != nil {
			t.Errorf("with %q: %v", attributes, err)
			continue
		}
		if err := master.Close(); err != nil {
			t.Error(err)
		}
	}

	// The standby is named first, and has neither the database nor the role of a tenant.
	over := newEngine(t, configAt(t, both))
	if err := handle(t, over, made(t, over)).Create(&notes.Folder{Name: "one"}).Error; err != nil {
		t.Errorf("over both: %v", err)
	}

	runOn(t, standby.URL(), "SELECT pg_promote()")
	e := newEngine(t, configAt(t, standby.URL()))
	if err := handle(t, e, made(t, e)).Create(&notes.Folder{Name: "one"}).Error; err != nil {
		t.Errorf("after the promotion: %v", err)
	}
}

// samePassword gives the second server the first one's password, and returns a URL of both.
func samePassword(t *testing.T, first, second *pgcluster.Cluster) string {
	t.Helper()
	u, err := url.Parse(first.URL())
	if err != nil {
		t.Fatal(err)
	}
	other, err := url.Parse(second.URL())
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	runOn(t, second.URL(), "ALTER ROLE postgres PASSWORD '"+password+"'")
	query := u.Query()
	query.Set("host", query.Get("host")+","+other.Query().Get("host"))
	u.RawQuery = query.Encode()
	return u.String()
}

func runOn(t *testing.T, server, statement string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}
