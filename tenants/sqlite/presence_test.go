package sqlite

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"tenantry/tenants"
)

const instanceID = "01j00000000000000000000000"

// TestPresence looks at a mark as another process does.
func TestPresence(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	own, other := newPresence(dir), newPresence(dir)
	expect := func(what string, want tenants.Standing) {
		t.Helper()
		if got, err := other.Standing(nil, instanceID); got != want || err != nil {
			t.Errorf("%s: standing %d, %v", what, got, err)
		}
	}
	expect("without a file", tenants.Silent)
	mark, err := own.Enter(t.Context(), instanceID)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // to ask doesn't free the lock
		expect("held", tenants.Alive)
		if got, err := own.Standing(nil, instanceID); got != tenants.Alive || err != nil {
			t.Errorf("in its own eyes: %d, %v", got, err)
		}
		if err := errors.Join(mark.Renew(t.Context()), other.Sweep(nil), own.Sweep(nil)); err != nil {
			t.Error(err)
		}
	}
	for path, mode := range map[string]os.FileMode{own.dir: 0o700, own.path(instanceID): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	if err := mark.Release(); err != nil {
		t.Error(err)
	}
	expect("released", tenants.Silent)
	if err := os.WriteFile(own.path(instanceID), nil, 0o600); err != nil { // as a process leaves it that was killed
		t.Fatal(err)
	}
	expect("not held", tenants.Dead)
	if err := other.Sweep([]string{instanceID}); err != nil {
		t.Error(err)
	}
	expect("kept", tenants.Dead)
	if err := other.Sweep(nil); err != nil {
		t.Error(err)
	}
	expect("swept", tenants.Silent)
}

// TestMarkIsLost when its file is removed or another one is in its place.
func TestMarkIsLost(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]func(file string) error{
		"removed":        os.Remove,
		"folder removed": func(file string) error { return os.RemoveAll(filepath.Dir(file)) },
		"replaced": func(file string) error {
			return errors.Join(os.Rename(file, file+".old"), os.WriteFile(file, nil, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPresence(t.TempDir())
			mark, err := p.Enter(t.Context(), instanceID)
			if err != nil {
				t.Fatal(err)
			}
			if err := harm(p.path(instanceID)); err != nil {
				t.Fatal(err)
			}
			if err := mark.Renew(t.Context()); !errors.Is(err, tenants.ErrMarkLost) {
				t.Errorf("got %v", err)
			}
			if err := mark.Release(); err != nil {
				t.Error(err)
			}
		})
	}
}
