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

// temporaryPattern is a file that is being written: the name that it will get,
// something of its own, and an ending.
var temporaryPattern = regexp.MustCompile(`^(.+)\.[0-9A-Z]{26}\.tmp$`)

// templatePattern is a template: the hash of its migrations and an ending.
var templatePattern = regexp.MustCompile(`^[0-9a-f]{16}\.db$`)

// found is an object with what there is of it: a database's files are one.
type found struct {
	tenants.Object
	whole bool // the file itself is there, not only some beside it
}

// Survey lists the files in the engine's folders. Files that SQLite keeps beside
// a database belong to it; other files than the engine's are passed over.
func (e *Engine) Survey(context.Context) ([]tenants.Object, error) {
	all, err := e.survey()
	if err != nil {
		return nil, fmt.Errorf("survey data folder: %w", fileError(err))
	}
	superseded, err := e.supersededFor()
	if err != nil {
		return nil, fmt.Errorf("survey data folder: %w", fileError(err))
	}
	objects := []tenants.Object{}
	for _, f := range all {
		if f.Kind == tenants.ObjectTemplate {
			f.Age = superseded
		}
		if f.whole || !all[elsewhere(f.Object)].whole {
			objects = append(objects, f.Object)
		}
	}
	slices.SortFunc(objects, func(a, b tenants.Object) int { return cmp.Compare(a.Name, b.Name) })
	return objects, nil
}

// supersededFor is how long there has been a template of the current migrations.
func (e *Engine) supersededFor() (time.Duration, error) {
	name, err := e.templateName()
	if err != nil {
		return 0, err
	}
	info, err := e.files.lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return 1, nil // it has yet to be made
	}
	if err != nil {
		return 0, err
	}
	return max(1, time.Since(info.ModTime())), nil
}

// elsewhere is where a tenant's database is when it is not here: what lies here
// beside none is its, when a Trash was broken off.
func elsewhere(o tenants.Object) string {
	switch o.Kind {
	case tenants.ObjectDatabase:
		return filepath.Join(trashDir, filepath.Base(o.Name))
	case tenants.ObjectTrash:
		return filepath.Join(tenantsDir, filepath.Base(o.Name))
	}
	return ""
}

// survey is the objects by their names.
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

// add adds a file to the object that it is part of, if it is of any.
func add(all map[string]found, folder string, entry fs.DirEntry) error {
	base := withoutSidecar(entry.Name())
	name := filepath.Join(folder, base)
	object, ok := objectOf(name)
	if !ok {
		return nil
	}
	info, err := entry.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it has gone meanwhile
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

// objectOf reads the name of an object.
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

// kindIn is the kind of a file in a folder for that of one kind, or of one that
// is on the way there.
func kindIn(base string, pattern *regexp.Regexp, kind tenants.ObjectKind) tenants.ObjectKind {
	if pattern.MatchString(base) {
		return kind
	}
	if target := temporaryPattern.FindStringSubmatch(base); target != nil && pattern.MatchString(target[1]) {
		return tenants.ObjectTemporary
	}
	return ""
}
