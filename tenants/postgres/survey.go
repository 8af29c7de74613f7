package postgres

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"tenantry/tenants"
)

// Several installations may share a server. A database belongs to this one if its group has permissions in
// it: the server keeps a list of these for all databases, and CREATE DATABASE copies it with the template,
// so there is no moment without. Only drafts have none yet; like templates and unfinished adoptions, they
// have the installation's hash in their names.

// Survey lists the databases and roles that this installation has made. It knows only the age of
// templates, drafts and rehearsals.
func (e *Engine) Survey(ctx context.Context) ([]tenants.Object, error) {
	objects, err := e.survey(ctx)
	if err != nil {
		return nil, fmt.Errorf("survey server: %w", asProvisioner(err))
	}
	superseded, err := e.templateAge(ctx)
	if err != nil {
		return nil, fmt.Errorf("survey server: %w", translate(err))
	}
	building, err := e.draftAge(ctx)
	if err != nil {
		return nil, fmt.Errorf("survey server: %w", translate(err))
	}
	for i, o := range objects {
		switch {
		case o.Kind == tenants.ObjectTemplate:
			objects[i].Age = superseded
		case o.Kind == tenants.ObjectTemporary && strings.HasPrefix(o.Name, e.templatePrefix()):
			objects[i].Age = building
		}
	}
	slices.SortFunc(objects, func(a, b tenants.Object) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Kind, b.Kind))
	})
	return objects, nil
}

// templateAge returns how long there has been a template for the current migrations, or 0 if its comment
// doesn't say.
func (e *Engine) templateAge(ctx context.Context) (time.Duration, error) {
	comment, err := e.layout.commentOf(ctx, e.template.name)
	if errors.Is(err, sql.ErrNoRows) {
		return 1, nil // it doesn't exist yet
	}
	if err != nil {
		return 0, err
	}
	made, err := time.Parse(time.RFC3339, strings.TrimPrefix(comment, madeAt))
	if err != nil {
		return 0, nil // somebody changed the comment, or an older program made the template
	}
	return max(1, time.Since(made)), nil
}

// draftAge returns how long a process has been building a template or a draft, at least, or 0 if none
// is: then drafts were left behind.
func (e *Engine) draftAge(ctx context.Context) (age time.Duration, err error) {
	var building bool
	err = e.admin.QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
		AND (classid::bigint << 32 | objid::bigint) = $1)`, int64(templateLock)).Scan(&building)
	if building {
		age = 1
	}
	return age, err
}

// madeAt begins the comment on a template. The time follows.
const madeAt = "made by tenantry at "

func (e *Engine) survey(ctx context.Context) ([]tenants.Object, error) {
	rows, err := e.admin.QueryContext(ctx, e.layout.surveyQuery(), e.group, e.templatePrefix()+shortHash(e.server.Database)+"_", e.adoptionName(""), e.scratchPrefix())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	objects := []tenants.Object{}
	for rows.Next() {
		var name string
		var role bool
		if err := rows.Scan(&name, &role); err != nil {
			return nil, err
		}
		if o := e.objectOf(name, role); o.Kind != "" && name != e.template.name {
			objects = append(objects, o)
		}
	}
	return objects, rows.Err()
}

// rolePattern matches the names of tenants' roles.
var rolePattern = regexp.MustCompile(`^t_[0-9a-z]{26}(_[0-9a-f]{8})?$`)

// trashPattern matches the names of tenants' databases in the trash.
var trashPattern = regexp.MustCompile(`^trash_[0-9a-z]{26}$`)

// objectOf returns the object with that name. Its kind is empty if it is not this installation's.
func (e *Engine) objectOf(name string, role bool) tenants.Object {
	o := tenants.Object{Name: name}
	switch {
	case rolePattern.MatchString(name) && role:
		o.Kind = tenants.ObjectRole
	case role:
		return o
	case databasePattern.MatchString(name):
		o.Kind = tenants.ObjectDatabase
	case trashPattern.MatchString(name):
		o.Kind = tenants.ObjectTrash
	case strings.HasPrefix(name, e.adoptionPrefix()):
		o.Kind = tenants.ObjectTemporary
		o.TenantID = name[strings.LastIndex(name, "_")+1:]
		return o
	case strings.HasPrefix(name, e.scratchPrefix()):
		o.Kind, o.Age = tenants.ObjectTemporary, scratchAge(name)
		return o
	case strings.HasPrefix(name, e.templatePrefix()) && strings.HasSuffix(name, draftSuffix):
		o.Kind = tenants.ObjectTemporary
		return o
	case strings.HasPrefix(name, e.templatePrefix()):
		o.Kind = tenants.ObjectTemplate
		return o
	default:
		return o
	}
	_, o.TenantID, _ = strings.Cut(name, "_")
	o.TenantID, _, _ = strings.Cut(o.TenantID, "_")
	return o
}
