package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"tenantry/tenants"
)

// location describes where a tenant's file should be and where it is.
type location struct {
	name, other     string // its name where it should be, and its name in the other folder
	atName, atOther bool   // whether it exists under name, and under other
	stray           bool   // a sidecar exists under other
}

func (e *Engine) locate(t *tenants.Tenant) (s location, err error) {
	if s.name, err = fileName(t); err != nil {
		return s, err
	}
	s.other = trashName(t)
	if t.State == tenants.StatePurged {
		s.name, s.other = s.other, s.name
	}
	if s.atName, err = e.files.exists(s.name); err != nil {
		return s, err
	}
	if s.atOther, err = e.files.exists(s.other); err != nil {
		return s, err
	}
	for _, suffix := range sidecars() {
		exists, err := e.files.exists(s.other + suffix)
		if err != nil {
			return s, err
		}
		s.stray = s.stray || exists
	}
	return s, nil
}

// misplaced returns the fault of where the files are, or nil.
func (s location) misplaced() []tenants.Fault {
	switch {
	case s.atName && s.atOther:
		return []tenants.Fault{
			tenants.FaultMisplaced.Found("there are both %s and %s; move one of them to another folder", s.name, s.other),
		}
	case s.atOther:
		return []tenants.Fault{tenants.FaultMisplaced.Mendable("the file is %s and should be %s", s.other, s.name)}
	case !s.atName:
		return []tenants.Fault{tenants.FaultMissing.Found("there is neither %s nor %s", s.name, s.other)}
	case s.stray:
		return []tenants.Fault{tenants.FaultMisplaced.Mendable("a file that belongs beside %s is beside %s", s.name, s.other)}
	}
	return nil
}

// The engine's files are accessible to their owner only.
const folderMode, fileMode fs.FileMode = 0o700, 0o600

// looseMode is a file or folder whose mode isn't what it should be.
type looseMode struct {
	name      string
	got, want fs.FileMode
}

// looseModes returns the wrong modes of a tenant's file, its sidecars and their folder.
func (e *Engine) looseModes(name string) (all []looseMode, err error) {
	files := []string{filepath.Dir(name), name}
	for _, suffix := range sidecars() {
		files = append(files, name+suffix)
	}
	for i, file := range files {
		want := fileMode
		if i == 0 {
			want = folderMode
		}
		info, err := e.files.lstat(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if (info.Mode().IsRegular() || i == 0) && info.Mode().Perm() != want {
			all = append(all, looseMode{file, info.Mode(), want})
		}
	}
	return all, nil
}

// loose returns the fault of such modes, or nil if there are none.
func loose(all []looseMode) []tenants.Fault {
	if len(all) == 0 {
		return nil
	}
	var parts []string
	for _, l := range all {
		parts = append(parts, fmt.Sprintf("%s is %v and should be %v", l.name, l.got.Perm(), l.want))
	}
	return []tenants.Fault{tenants.FaultPermissions.Mendable("%s", strings.Join(parts, "; "))}
}
