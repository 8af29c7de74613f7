package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
	"tenantry/tenants/tenantstest/wait"
)

// eachMove runs f on a first and a second server of each kind. Schemas and databases are on one cluster. Between schemas and
// SQLite there is one direction: back it is as between databases and SQLite.
func eachMove(t *testing.T, o tenantstest.Options, f func(t *testing.T, env *tenantstest.Env)) {
	t.Helper()
	for _, first := range tenantstest.Engines() {
		for _, second := range tenantstest.Engines() {
			if first == tenantstest.Schemas && second == tenantstest.SQLite {
				continue
			}
			t.Run(string(first+" to "+second), func(t *testing.T) {
				t.Parallel()
				on := o
				on.Engine, on.Second = first, second
				f(t, tenantstest.New(t, on))
			})
		}
	}
}

// TestMove moves a tenant under load and back again. Every row whose Update returned nil is there afterwards, the old
// database is in the trash until it is due, and the doctor finds nothing.
func TestMove(t *testing.T) {
	t.Parallel()
	eachMove(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		acme := env.Tenant(t, "acme")
		addFolder(t, env, acme, "before")
		ctx, cancel := context.WithCancel(t.Context())
		written := make(chan []string)
		var stored, refused atomic.Int64
		go func() {
			var names []string
			for i := 0; ctx.Err() == nil; i++ {
				name := fmt.Sprintf("under load %d", i)
				err := env.Store.Update(context.WithoutCancel(ctx), acme, func(tx *gorm.DB) error { return tx.Create(&notes.Folder{Name: name}).Error })
				switch {
				case err == nil:
					names = append(names, name)
					stored.Add(1)
				case errors.Is(err, tenants.ErrMaintenance):
					refused.Add(1)
				default:
					t.Errorf("write: %v", err)
				}
			}
			written <- names
		}()
		var moved *tenants.Tenant
		for _, server := range []string{tenantstest.Second, tenants.DefaultServer, tenantstest.Second} {
			before := stored.Load()
			wait.Until(t, "a write in between", func() bool { return stored.Load() > before })
			var err error
			if moved, err = env.Lifecycle.Move(t.Context(), "ada", "acme", server); err != nil {
				t.Fatal(err)
			}
			if moved.Server != server || moved.State != tenants.StateActive || moved.ReadOnly {
				t.Fatalf("%+v", moved)
			}
		}
		cancel()
		names := append(<-written, "before")
		got := folderNames(t, env, moved)
		slices.Sort(names)
		if !slices.Equal(got, names) {
			t.Errorf("there are %d folders, and %d were written", len(got), len(names))
		}
		t.Logf("%d written, %d refused", len(names), refused.Load())
		expectHealthy(t, env)
		setLeftUntil(t, env, time.Now().Add(-time.Hour))
		if err := env.Lifecycle.Tend(t.Context()); err != nil {
			t.Fatal(err)
		}
		expectHealthy(t, env)
		objects, err := env.Engine.Survey(t.Context())
		if err != nil || slices.ContainsFunc(objects, func(o tenants.Object) bool { return o.TenantID == moved.ID }) {
			t.Errorf("on the old server are %v, %v", objects, err)
		}
	})
}

// expectHealthy expects that the doctor finds nothing of a tenant.
func expectHealthy(t *testing.T, env *tenantstest.Env) {
	t.Helper()
	findings, err := env.Lifecycle.Doctor(t.Context(), lifecycle.Checkup{Keys: env.Keys})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		if f.Subject == "acme" {
			t.Errorf("%+v", f)
		}
	}
}

func setLeftUntil(t *testing.T, env *tenantstest.Env, at time.Time) {
	t.Helper()
	err := env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
		return tx.Model(&tenants.Tenant{}).Where("left_until IS NOT NULL").Update("left_until", at.UTC()).Error
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestReadOnlyWhileMoved reads at every point of a move, and writes at those before the freeze and at none from the drain until the end.
func TestReadOnlyWhileMoved(t *testing.T) {
	t.Parallel()
	var at func(point string)
	env := tenantstest.New(t, tenantstest.Options{Second: tenantstest.SQLite, Interrupt: func(point string) { at(point) }})
	at = func(string) {}
	acme := env.Tenant(t, "acme")
	addFolder(t, env, acme, "one")
	frozen := false
	at = func(point string) {
		if point == "move/begin/before" || point == "move/leave/after" || point[:5] == "move/" && point[5:10] == "trash" {
			return
		}
		found, err := env.Store.Lookup(t.Context(), "acme")
		if err != nil {
			t.Errorf("%s: %v", point, err)
			return
		}
		if names := folderNames(t, env, found); len(names) != 1 {
			t.Errorf("%s: %q", point, names)
		}
		nothing := func(*gorm.DB) error { return nil }
		if point == "move/copy/after" || point == "move/drain/before" { // this process learns of it as it drains the tenant
			return
		}
		if frozen = frozen || point == "move/drain/done"; !frozen {
			if err := env.Store.Update(t.Context(), acme, nothing); err != nil {
				t.Errorf("%s: a write got %v", point, err)
			}
			return
		}
		for _, write := range []func(context.Context, *tenants.Tenant, tenants.Func) error{env.Store.Update, env.Store.Maintain} {
			if err := write(t.Context(), acme, nothing); !errors.Is(err, tenants.ErrMaintenance) {
				t.Errorf("%s: a write got %v", point, err)
			}
		}
	}
	if _, err := env.Lifecycle.Move(t.Context(), "ada", "acme", tenantstest.Second); err != nil {
		t.Fatal(err)
	}
}

// TestMoveWaitsForReaders: a scope that began to read from the old server ends before the old database goes, and before the
// tenant is written on the new one.
func TestMoveWaitsForReaders(t *testing.T) {
	t.Parallel()
	var at func(point string)
	env := tenantstest.New(t, tenantstest.Options{Second: tenantstest.SQLite, Interrupt: func(point string) { at(point) }})
	at = func(string) {}
	env.Tenant(t, "acme")
	var release func()
	var done <-chan error
	looking := make(chan struct{})
	at = func(point string) {
		if point == "move/drain/after" {
			defer close(looking)
			found, err := env.Store.Lookup(t.Context(), "acme")
			if err != nil {
				t.Error(err)
				return
			}
			release, done = look(t, env.Store, found)
		}
	}
	moved := make(chan error, 1)
	go func() {
		_, err := env.Lifecycle.Move(t.Context(), "ada", "acme", tenantstest.Second)
		moved <- err
	}()
	<-looking
	wait.Until(t, "the move to wait for scopes", func() bool {
		left := unfinished(t, env)
		return len(left) == 0 || left[0].Step == tenants.StepLeave
	})
	if left := unfinished(t, env); len(left) == 0 {
		t.Error("it has moved meanwhile")
	}
	release()
	if err := errors.Join(<-done, <-moved); err != nil {
		t.Error(err)
	}
}

// TestMoveInterrupted has a process die, or its caller go, at every point of a move. The tenant is then served where it
// was or where it was to go, with its rows, and nothing is left over.
func TestMoveInterrupted(t *testing.T) {
	t.Parallel()
	for _, second := range tenantstest.Engines() {
		t.Run(string(second), func(t *testing.T) {
			t.Parallel()
			var at func(point string)
			env := tenantstest.New(t, tenantstest.Options{Second: second, Interrupt: func(point string) { at(point) }})
			var points []string
			at = func(point string) { points = append(points, point) }
			env.Tenant(t, "first")
			points = nil
			if _, err := env.Lifecycle.Move(t.Context(), "ada", "first", tenantstest.Second); err != nil {
				t.Fatal(err)
			}
			all := slices.Clone(points)
			if len(all) < 15 {
				t.Fatalf("points %q", all)
			}
			for i, point := range all {
				for _, dies := range []bool{true, false} {
					at = func(string) {}
					name := fmt.Sprintf("t%d-%t", i, dies)
					tenant := env.Tenant(t, name)
					addFolder(t, env, tenant, "row")
					interruptMove(t, env, name, point, dies, &at)
					expectMovedOrNot(t, env, name, point)
				}
			}
		})
	}
}

// interruptMove begins a move that ends at the point, and recovers.
func interruptMove(t *testing.T, env *tenantstest.Env, name, point string, dies bool, at *func(string)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	*at = func(p string) {
		switch {
		case p == point && dies:
			panic("the process died")
		case p == point:
			cancel()
		}
	}
	func() {
		defer func() { _ = recover() }() // the panic above
		_, _ = env.Lifecycle.Move(ctx, "ada", name, tenantstest.Second)
	}()
	for _, held := range env.Store.Process().Held() {
		env.Store.Process().Release(held)
	}
	*at = func(string) {}
	if err := env.Lifecycle.Recover(t.Context()); err != nil {
		t.Errorf("%s: %v", point, err)
	}
}

// expectMovedOrNot expects the tenant on one of the servers, and its objects nowhere else but in the trash.
func expectMovedOrNot(t *testing.T, env *tenantstest.Env, name, point string) {
	t.Helper()
	tenant, err := env.Lifecycle.Get(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if tenant.State != tenants.StateActive || tenant.ReadOnly {
		t.Errorf("%s: it is %s", point, tenant.State)
		return
	}
	if names := folderNames(t, env, tenant); len(names) != 1 {
		t.Errorf("%s: the folders are %q", point, names)
	}
	addFolder(t, env, tenant, "another")
	for server, engine := range map[string]tenants.Engine{tenants.DefaultServer: env.Engine, tenantstest.Second: env.Second} {
		objects, err := engine.Survey(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range objects {
			left := tenant.LeftServer != nil && *tenant.LeftServer == server && o.Kind != tenants.ObjectDatabase && o.Kind != tenants.ObjectTemporary
			if o.TenantID == tenant.ID && server != tenant.Server && !left {
				t.Errorf("%s: on server %s is %+v", point, server, o)
			}
		}
	}
}

// TestMoveRefused moves tenants where they can't go. They stay as they are.
func TestMoveRefused(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{Second: tenantstest.SQLite})
	acme := env.Tenant(t, "acme")
	if _, err := env.Lifecycle.Move(t.Context(), "ada", "acme", "nowhere"); !errors.Is(err, lifecycle.ErrUnknownServer) {
		t.Errorf("error %v", err)
	}
	if _, err := env.Lifecycle.Move(t.Context(), "ada", "nobody", tenantstest.Second); !errors.Is(err, tenants.ErrUnknownTenant) {
		t.Errorf("error %v", err)
	}
	if err := env.Second.Create(t.Context(), acme); err != nil { // a database that the move didn't make
		t.Fatal(err)
	}
	if _, err := env.Lifecycle.Move(t.Context(), "ada", "acme", tenantstest.Second); !errors.Is(err, lifecycle.ErrNotEmpty) {
		t.Errorf("error %v", err)
	}
	addFolder(t, env, acme, "still served")
	if objects, err := env.Second.Survey(t.Context()); err != nil || len(objects) != 1 {
		t.Errorf("somebody's copy is gone: %v, %v", objects, err)
	}
}

// TestMoveBringsOverChanges changes rows in every way after the first copy was made: the moved tenant has them as they are, in
// all four directions.
func TestMoveBringsOverChanges(t *testing.T) {
	t.Parallel()
	eachMove(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		acme := env.Tenant(t, "acme")
		fillNotes(t, env, acme, 300)
		var want, folders []string
		m := lifecycle.New(env.Store, lifecycle.Options{Schema: notes.Schema(), Interrupt: func(point string) {
			if point == "move/copy/done" {
				changeNotes(t, env, acme)
				want, folders = allNotes(t, env, acme), folderNames(t, env, acme)
			}
		}})
		for _, server := range []string{tenantstest.Second, tenants.DefaultServer} {
			var err error
			if acme, err = m.Move(t.Context(), "ada", "acme", server); err != nil {
				t.Fatal(err)
			}
			if got := allNotes(t, env, acme); len(want) < 290 || !slices.Equal(got, want) {
				t.Errorf("on %s are %d notes, want %d, or they are others", server, len(got), len(want))
			}
			if got := folderNames(t, env, acme); !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(folders))) {
				t.Errorf("on %s are the folders %q, want %q", server, got, folders)
			}
			addFolder(t, env, acme, "after it came to "+server) // the sequences go on
		}
	})
}

// changeNotes deletes a folder with its notes, changes notes, adds one, changes one in a part of a transaction, and exchanges the
// names of two folders, which are unique.
func changeNotes(t *testing.T, env *tenantstest.Env, tenant *tenants.Tenant) {
	err := env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error {
		var folders []notes.Folder
		if err := tx.Order("id").Find(&folders).Error; err != nil {
			return err
		}
		a, b, gone := folders[0], folders[1], folders[len(folders)-1]
		part := tx.Transaction(func(tx *gorm.DB) error {
			return tx.Model(&notes.Note{}).Where("folder_id = ?", a.ID).Update("pinned", true).Error
		})
		for _, err := range []error{
			part, tx.Delete(&gone).Error, tx.Delete(&folders[50]).Error,
			tx.Model(&notes.Note{}).Where("folder_id = ?", b.ID).Update("text", "changed 'with' \"quotes\" \\ and ünicode").Error,
			tx.Create(&notes.Note{FolderID: a.ID, Text: "added", Kind: "idea"}).Error,
			tx.Model(&notes.Folder{ID: a.ID}).Update("name", "in between").Error,
			tx.Model(&notes.Folder{ID: b.ID}).Update("name", a.Name).Error,
			tx.Model(&notes.Folder{ID: a.ID}).Update("name", b.Name).Error,
			tx.Create(&notes.Folder{ID: folders[50].ID, Name: "under an id that was free"}).Error,
		} {
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// allNotes reads the notes.
func allNotes(t *testing.T, env *tenantstest.Env, tenant *tenants.Tenant) (rows []string) {
	t.Helper()
	var all []notes.Note
	err := env.Store.View(t.Context(), tenant, func(tx *gorm.DB) error { return tx.Order("id").Find(&all).Error })
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range all {
		rows = append(rows, fmt.Sprint(n.ID, n.FolderID, n.Text, n.Kind, n.Pinned, n.CreatedAt.UnixMicro()))
	}
	return rows
}
