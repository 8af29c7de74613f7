package postgres

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest/pgcluster"
)

func openMaster(t *testing.T, url string) *tenants.Master {
	t.Helper()
	master, err := OpenMaster(t.Context(), MasterConfig{URL: url, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := master.Close(); err != nil {
			t.Error(err)
		}
	})
	return master
}

func addTenant(t *testing.T, master *tenants.Master, subdomain string) {
	t.Helper()
	err := master.Update(t.Context(), func(tx *gorm.DB) error {
		return tx.Create(&tenants.Tenant{
			ID: subdomain, Subdomain: subdomain, State: tenants.StateActive, Server: "default", Database: subdomain, CreatedBy: "operator",
		}).Error
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestMasterKeepsTenants(t *testing.T) {
	t.Parallel()
	url := pgcluster.Database(t)
	master := openMaster(t, url)
	addTenant(t, master, "acme")
	if master.Dialect() != "postgres" {
		t.Errorf("dialect %q", master.Dialect())
	}
	again := openMaster(t, url)
	var found tenants.Tenant
	err := again.View(t.Context(), func(tx *gorm.DB) error { return tx.First(&found, "subdomain = ?", "acme").Error })
	if err != nil || found.ID != "acme" {
		t.Errorf("found %+v, %v", found, err)
	}
	err = master.Update(t.Context(), func(tx *gorm.DB) error { return tx.Create(&found).Error })
	wantError(t, "the same tenant again", err, gorm.ErrDuplicatedKey)
	err = master.View(t.Context(), func(tx *gorm.DB) error { return tx.Delete(&found).Error })
	wantError(t, "write in a view", err, tenants.ErrReadOnly)
}

func TestMasterIsMigratedByManyAtOnce(t *testing.T) {
	t.Parallel()
	url := pgcluster.Database(t)
	errs := make(chan error)
	const many = 4
	for range many {
		go func() {
			master, err := OpenMaster(t.Context(), MasterConfig{URL: url})
			if err == nil {
				err = master.Close()
			}
			errs <- err
		}()
	}
	for range many {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

func TestMasterOnAServerThatIsDown(t *testing.T) {
	t.Parallel()
	server := pgcluster.New(t)
	server.Stop()
	_, err := OpenMaster(t.Context(), MasterConfig{URL: server.URL()})
	wantError(t, "open master", err, tenants.ErrUnavailable)
}

func TestMasterDatabaseThatIsMissing(t *testing.T) {
	t.Parallel()
	url := strings.Replace(pgcluster.URL(t), "/postgres?", "/nowhere?", 1)
	if url == pgcluster.URL(t) {
		t.Skip("the test server's URL has another form")
	}
	_, err := OpenMaster(t.Context(), MasterConfig{URL: url})
	wantError(t, "open master", err, tenants.ErrUnavailable)
}

// watching runs Watch and returns what receives each call of changed. The
// channel holds one call that was not received yet, as the calls don't differ.
func watching(t *testing.T, master *tenants.Master) <-chan struct{} {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	calls, ended := make(chan struct{}, 1), make(chan error, 1)
	go func() {
		ended <- master.Watch(ctx, func(string) {
			select {
			case calls <- struct{}{}:
			default:
			}
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("watch ended with %v", err)
		}
	})
	wantCall(t, calls, "it listens")
	return calls
}

func wantCall(t *testing.T, calls <-chan struct{}, when string) {
	t.Helper()
	select {
	case <-calls:
	case <-time.After(patience):
		t.Fatalf("changed was not called when %s", when)
	}
}

func TestWatchHearsOfChanges(t *testing.T) {
	t.Parallel()
	url := pgcluster.Database(t)
	master, other := openMaster(t, url), openMaster(t, url)
	calls := watching(t, master)
	addTenant(t, other, "acme")
	wantCall(t, calls, "a tenant was added")
	err := other.Update(t.Context(), func(tx *gorm.DB) error {
		return tx.Model(&tenants.Tenant{}).Where("id = ?", "acme").Update("state", tenants.StateSuspended).Error
	})
	if err != nil {
		t.Fatal(err)
	}
	wantCall(t, calls, "a tenant was suspended")
}

func TestWatchSurvivesTheServer(t *testing.T) {
	t.Parallel()
	server := pgcluster.New(t)
	master := openMaster(t, server.URL())
	calls := watching(t, master)
	server.Stop()
	server.Start()
	wantCall(t, calls, "it listens again")
	addTenant(t, master, "acme")
	wantCall(t, calls, "a tenant was added")
}
