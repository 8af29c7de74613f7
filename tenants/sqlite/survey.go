package sqlite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"tenantry/tenants"
)

// temporaryPattern matches a file that is being written: its final name, a unique part, and .tmp.
var temporaryPattern = regexp.MustCompile(`^(.+)\.[0-9A-Z]{26}\.tmp$`)

// templatePattern matches a template: the hash of its migrations and .db.
var templatePattern = regexp.MustCompile(`^[0-9a-f]{16}\.db$`)

// found is an object that Survey found. A database and its sidecars are one object.
type found struct {
	tenants.Object
	whole bool // the file itself exists, not only sidecars
}

// Survey lists the databases, templates and temporary files in the engine's folders. Sidecars belong to
// their database. It ignores other files.
func (e *Engine) Survey(context.Context) ([]tenants.Object, error) {
	all, err := e.survey()
	if err != nil {
		return nil, fmt.Errorf("survey data folder: %w", fileError(err))
	}
	superseded, err := e.templateAge()
	if err != nil {
		return nil, fmt.Errorf("survey data folder: %w", fileError(err))
	}
	objects := []tenants.Object{}
	for _, f := range all {
		if f.Kind == tenants.ObjectTemplate {
			f.Age = superseded
		}
		if f.whole || !all[counterpart(f.Object)].whole {
			objects = append(objects, f.Object)
		}
	}
	slices.SortFunc(objects, func(a, b tenants.Object) int { return cmp.Compare(a.Name, b.Name) })
	return objects, nil
}

// templateAge returns how long there has been a template for the current migrations.
func (e *Engine) templateAge() (time.Duration, error) {
	name, err := e.templateName()
	if err != nil {
		return 0, err
	}
	info, err := e.files.lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return 1, nil // it doesn't exist yet
	}
	if err != nil {
		return 0, err
	}
	return max(1, time.Since(info.ModTime())), nil
}

// counterpart returns the name of a tenant's database in the other folder. An interrupted Trash leaves
// sidecars here that belong to the database there.
func counterpart(o tenants.Object) string {
	switch o.Kind {
	case tenants.ObjectDatabase:
		return filepath.Join(trashDir, filepath.Base(o.Name))
	case tenants.ObjectTrash:
		return filepath.Join(tenantsDir, filepath.Base(o.Name))
	}
	return ""
}

// survey returns the objects by name.
func (e *Engine) survey() (map[string]found, error) {
	current, err := e.templateName()
	if err != nil {
		return nil, err
	}
	all := map[string]found{}
	for _, folder := range []string{tenantsDir, templatesDir, trashDir} {
		entries, err := e.files.list(folder)
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			if err := add(all, folder, entry); err != nil {
				return nil, err
			}
		}
	}
	delete(all, current)
	return all, nil
}

// add adds a file to the object that it belongs to, if any.
func add(all map[string]found, folder string, entry fs.DirEntry) error {
	base := withoutSidecar(entry.Name())
	name := filepath.Join(folder, base)
	object, ok := objectOf(name)
	if !ok {
		return nil
	}
	info, err := entry.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it was removed meanwhile
	}
	if err != nil {
		return err
	}
	f, known := all[name]
	object.Age = max(0, time.Since(info.ModTime()))
	if known {
		object.Age = min(object.Age, f.Age)
	}
	all[name] = found{object, f.whole || base == entry.Name()}
	return nil
}

// objectOf returns the object with that name. It returns false if the name isn't an object's.
func objectOf(name string) (o tenants.Object, ok bool) {
	folder, base := filepath.Split(name)
	folder = strings.TrimSuffix(folder, string(filepath.Separator))
	o = tenants.Object{Name: name, Kind: kindOf(folder, base)}
	if folder != templatesDir {
		o.TenantID, _, _ = strings.Cut(base, ".")
	}
	return o, o.Kind != ""
}

func kindOf(folder, base string) tenants.ObjectKind {
	switch folder {
	case tenantsDir:
		return kindIn(base, databasePattern, tenants.ObjectDatabase)
	case trashDir:
		return kindIn(base, databasePattern, tenants.ObjectTrash)
	case templatesDir:
		return kindIn(base, templatePattern, tenants.ObjectTemplate)
	}
	return ""
}

// kindIn returns the kind of a file in a folder for objects of one kind: that kind, or a temporary file
// that becomes one.
func kindIn(base string, pattern *regexp.Regexp, kind tenants.ObjectKind) tenants.ObjectKind {
	if pattern.MatchString(base) {
		return kind
	}
	if target := temporaryPattern.FindStringSubmatch(base); target != nil && pattern.MatchString(target[1]) {
		return tenants.ObjectTemporary
	}
	return ""
}
