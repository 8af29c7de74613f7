package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
)

// The kinds of findings about objects on servers that belong to no tenant.
const (
	// DatabaseWithoutTenant means that the master doesn't know the database's tenant, or
	// records the database as removed.
	DatabaseWithoutTenant = "database-without-tenant"
	// RoleWithoutTenant means that a role's tenant and database are gone. Postgres only.
	RoleWithoutTenant = "role-without-tenant"
	// Leftover means a template of other migrations, or an incomplete object.
	Leftover = "leftover"
)

// leftoverAge is how old an incomplete object or a template of other migrations must be to be
// reported, if its age is known. A younger object may be under creation at this moment, and a
// younger template may be in use by processes that are being replaced.
const leftoverAge = time.Hour

// examineServers finds objects that belong to no tenant.
func (d *doctor) examineServers(ctx context.Context) error {
	for _, name := range d.store.Servers() {
		engine, err := d.store.Server(name)
		if err != nil {
			d.addUnexamined(name, err)
		}
		if d.silent[name] {
			continue
		}
		err = d.examineServer(ctx, name, engine)
		if err == nil {
			err = d.examineExposed(ctx, engine)
		}
		if err == nil {
			err = d.examineGaps(ctx, name, engine)
		}
		if err != nil {
			d.addUnexamined(name, err)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}

// examineServer lists the objects twice and ignores those that appear or vanish meanwhile,
// because another process is working on them.
func (d *doctor) examineServer(ctx context.Context, name string, engine tenants.Engine) error {
	first, err := d.strays(ctx, name, engine)
	if err != nil || len(first) == 0 {
		return err
	}
	second, err := d.strays(ctx, name, engine)
	if err != nil {
		return err
	}
	for _, s := range second {
		if slices.ContainsFunc(first, func(o tenants.Object) bool { return o.Kind == s.Kind && o.Name == s.Name }) {
			d.add(d.clear(ctx, engine, s))
		}
	}
	return nil
}

// strays returns a server's objects that belong to no tenant. It omits a role whose database is
// in the list, because the role is removed with it.
func (d *doctor) strays(ctx context.Context, name string, engine tenants.Engine) ([]tenants.Object, error) {
	objects, err := engine.Survey(ctx)
	if err != nil {
		return nil, err
	}
	owners, err := d.owners(ctx, name, objects)
	if err != nil {
		return nil, err
	}
	kept := map[string]bool{} // ids that have a database
	for _, o := range objects {
		if o.Kind == tenants.ObjectDatabase || o.Kind == tenants.ObjectTrash {
			kept[o.TenantID] = true
		}
	}
	var strays []tenants.Object
	for _, o := range objects {
		if isStray(o, owners) && (o.Kind != tenants.ObjectRole || !kept[o.TenantID]) {
			strays = append(strays, o)
		}
	}
	return strays, nil
}

// owner is the relation of a tenant to its objects.
type owner struct{ keeps, busy bool }

func isStray(o tenants.Object, owners map[string]owner) bool {
	of := owners[o.TenantID]
	switch o.Kind {
	case tenants.ObjectTemplate, tenants.ObjectTemporary:
		return !of.busy && (o.Age == 0 || o.Age > leftoverAge)
	}
	return !of.keeps && !of.busy
}

// ownersAtOnce is the maximum number of ids in one query.
const ownersAtOnce = 500

// owners returns the objects' tenants by id: those on the server that have data, and those with
// an unfinished operation.
func (d *doctor) owners(ctx context.Context, server string, objects []tenants.Object) (map[string]owner, error) {
	var ids []string
	for _, o := range objects {
		if o.TenantID != "" {
			ids = append(ids, o.TenantID)
		}
	}
	owners := map[string]owner{}
	for some := range slices.Chunk(ids, ownersAtOnce) {
		err := d.master.View(ctx, func(tx *gorm.DB) error { return readOwners(tx, server, some, owners) })
		if err != nil {
			return nil, fmt.Errorf("find owners: %w", err)
		}
	}
	return owners, nil
}

func readOwners(tx *gorm.DB, server string, ids []string, owners map[string]owner) error {
	var found []tenants.Tenant
	if err := tx.Where("id IN ? AND (server = ? OR left_server = ?)", ids, server, server).Find(&found).Error; err != nil {
		return err
	}
	var busy []string
	if err := tx.Model(&tenants.Operation{}).Where("tenant_id IN ? AND finished_at IS NULL", ids).Pluck("tenant_id", &busy).Error; err != nil {
		return err
	}
	for i := range found {
		t := &found[i]
		owners[t.ID] = owner{keeps: t.State == tenants.StateProvisioning || t.HasDatabase()} // there, or as one that it has left
	}
	for _, id := range busy {
		owners[id] = owner{keeps: owners[id].keeps, busy: true}
	}
	return nil
}

// clear returns a finding about a stray, and removes it if d.Repair is set and no data is lost.
func (d *doctor) clear(ctx context.Context, engine tenants.Engine, s tenants.Object) Finding {
	f := Finding{Kind: Leftover, Subject: s.Name, Detail: string(s.Kind) + " that nobody uses", Remedy: "run with --repair to remove it"}
	remove := func() error { return engine.Discard(ctx, s) }
	switch s.Kind {
	case tenants.ObjectRole:
		f.Kind, f.Detail = RoleWithoutTenant, "its tenant is not in the master and has no database"
		remove = func() error {
			return engine.Drop(ctx, &tenants.Tenant{ID: s.TenantID, Database: engine.DatabaseName(s.TenantID)})
		}
	case tenants.ObjectDatabase, tenants.ObjectTrash:
		f.Kind, f.Detail = DatabaseWithoutTenant, "tenant "+s.TenantID+" is not in the master, or its data was removed"
		f.Remedy, remove = "to keep its data, "+d.adoption(engine, s.Name)+"; otherwise remove it by hand", nil
	}
	if !d.Repair || remove == nil {
		return f
	}
	err := remove()
	switch {
	case err == nil:
		f.Repaired = true
	case errors.Is(err, tenants.ErrInUse):
		f.Remedy = "it is in use; run the doctor again later"
	default:
		d.log.ErrorContext(ctx, "remove a leftover", "name", s.Name, "error", err)
	}
	return f
}

// adoption describes how to make a tenant of data that has none. The source of a tenant is a database, and a schema isn't one.
func (m *Manager) adoption(engine tenants.Engine, name string) string {
	run := "run: " + m.program + " tenant create SUBDOMAIN --from URL"
	if !placesInSchemas(engine) {
		return run
	}
	return "copy it into an empty database (pg_dump --no-privileges --schema " + name + " FROM | psql TO), give it the name public there " +
		"(DROP SCHEMA public; ALTER SCHEMA " + name + " RENAME TO public), and with that database's URL " + run
}
