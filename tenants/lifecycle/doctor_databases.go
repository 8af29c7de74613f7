package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"gorm.io/gorm"

	"tenantry/tenants"
)

// The kinds of findings about servers.
const (
	// ServerUnknown means that tenants are on a server that is not configured.
	ServerUnknown = "server-unknown"
	// ServerSilent means that the server doesn't answer, so its tenants can't be examined.
	ServerSilent = "server-silent"
	// ServerFull means that there is no room on the server for what is needed to examine or repair a tenant's database.
	ServerFull = "server-full"
)

// The kinds of findings about schema versions that this build can't serve.
const (
	// SchemaBehind means that the tenant is not served until it is migrated.
	SchemaBehind = "schema-behind"
	// SchemaAhead means that a newer build has migrated the tenant, and only that build can serve it.
	SchemaAhead = "schema-ahead"
)

// maxExaminations is the number of databases that are examined at the same time.
const maxExaminations = 4

// examined is the result of examining one tenant's database.
type examined struct {
	found []Finding
	err   error // why nothing could be
}

// examineDatabases examines a page of tenants' databases, and repairs them if d.Repair is set.
func (d *doctor) examineDatabases(ctx context.Context, page []tenants.Tenant) error {
	busy, err := d.underOperation(ctx, page)
	if err != nil {
		return err
	}
	results := make([]examined, len(page))
	var group errgroup.Group
	group.SetLimit(maxExaminations)
	for i := range page {
		if t := &page[i]; t.HasDatabase() && !busy[t.ID] && !d.silent[t.Server] {
			group.Go(func() error {
				results[i].found, results[i].err = d.examineDatabase(ctx, t)
				return nil
			})
		}
	}
	_ = group.Wait() // errors are the results'
	for i, r := range results {
		if r.err != nil {
			d.addUnexamined(page[i].Server, r.err)
		}
		d.add(r.found...)
	}
	return ctx.Err()
}

// addUnexamined adds a finding, once per server, about why a tenant could not be examined: the server doesn't answer, and
// its other tenants are left out, or it is full.
func (d *doctor) addUnexamined(server string, err error) {
	f := Finding{Kind: ServerSilent, Subject: server, Detail: err.Error(), Remedy: "make sure that the server runs and can be reached, then run the doctor again"}
	told := d.silent
	var gap *tenants.GapError
	switch {
	case errors.As(err, &gap):
		f = gapFinding(server, gap.Gap)
	case errors.Is(err, tenants.ErrFull):
		f.Kind, f.Remedy, told = ServerFull, "make room on the server's disk, then run the doctor again", d.full
	case !slices.Contains(d.store.Servers(), server):
		f.Kind, f.Remedy = ServerUnknown, "add the server of these tenants to the configuration"
	}
	if !told[server] {
		told[server] = true
		d.add(f)
	}
}

// underOperation returns the ids of those tenants that have an unfinished operation.
func (d *doctor) underOperation(ctx context.Context, page []tenants.Tenant) (map[string]bool, error) {
	var ids []string
	err := d.master.View(ctx, func(tx *gorm.DB) error {
		return tx.Model(&tenants.Operation{}).Where("finished_at IS NULL AND tenant_id BETWEEN ? AND ?", page[0].ID, page[len(page)-1].ID).
			Pluck("tenant_id", &ids).Error
	})
	if err != nil {
		return nil, fmt.Errorf("list operations: %w", err)
	}
	busy := map[string]bool{}
	for _, id := range ids {
		busy[id] = true
	}
	return busy, nil
}

// examineDatabase returns the problems of the tenant's database. It discards them if an
// operation on the tenant began meanwhile.
func (d *doctor) examineDatabase(ctx context.Context, t *tenants.Tenant) ([]Finding, error) {
	engine, err := d.store.Server(t.Server)
	if err != nil {
		return nil, err
	}
	faults, err := engine.Examine(ctx, t)
	if err != nil {
		return nil, err
	}
	outdated := append(d.examinePlace(t), d.examineVersion(ctx, engine, t, faults)...)
	if len(faults) == 0 && len(outdated) == 0 {
		return nil, nil
	}
	if same, err := d.isUnchanged(ctx, t); err != nil || !same {
		return nil, err
	}
	found := make([]Finding, len(faults))
	for i, f := range faults {
		found[i] = Finding{Kind: string(f.Kind), Subject: t.Subdomain, Detail: f.Detail, Remedy: d.remedy(t, f)}
	}
	if d.Repair && len(faults) > 0 {
		err = d.mend(ctx, engine, t, faults, found)
	}
	return append(found, outdated...), err
}

// DatabaseReplaced means that the file of an open database was replaced or removed. The process
// that has it open reopens it.
const DatabaseReplaced = "database-replaced"

// examinePlace compares the database that this process has open with the one on the server.
func (d *doctor) examinePlace(t *tenants.Tenant) []Finding {
	if !errors.Is(d.store.CheckReplaced(t.ID), tenants.ErrReplaced) {
		return nil
	}
	return []Finding{{
		Kind: DatabaseReplaced, Subject: t.Subdomain, Detail: "the file " + t.Database + " was replaced or removed while it was open",
		Remedy: "check that the new file has the right data; to replace it again, " + d.whileSuspended(t, "replace the file"), Repaired: true,
	}}
}

// whileSuspended describes how to do something to a database while a server runs.
func (m *Manager) whileSuspended(t *tenants.Tenant, do string) string {
	if t.State != tenants.StateActive {
		return do
	}
	if engine, err := m.store.Server(t.Server); err == nil && engine.Dialect() == "sqlite" {
		do += ", without -wal and -shm files beside it"
	}
	return fmt.Sprintf("while a server is running: %[1]s tenant suspend %[2]s; %[3]s; %[1]s tenant resume %[2]s", m.program, t.Subdomain, do)
}

// examineVersion returns a finding if this build can't serve the tenant's schema version. The
// database's version counts where it differs from the master's. A database in the trash may
// have any version, because a restore migrates it.
func (m *Manager) examineVersion(ctx context.Context, engine tenants.Engine, t *tenants.Tenant, faults []tenants.Fault) []Finding {
	version := t.SchemaVersion
	for _, f := range faults {
		if f.Kind == tenants.FaultVersion {
			version = f.Version
		}
	}
	err := m.store.CheckServable(ctx, engine, version)
	if !errors.Is(err, tenants.ErrSchemaVersion) || t.State == tenants.StatePurged {
		return nil
	}
	f := Finding{Kind: SchemaBehind, Subject: t.Subdomain, Detail: err.Error(), Remedy: m.program + " migrate up"}
	if version > engine.SchemaVersion() {
		f.Kind, f.Remedy = SchemaAhead, "run the newer build, or restore a backup from before the migration"
	}
	return []Finding{f}
}

// isUnchanged reports whether the tenant's row is as it was read and has no unfinished
// operation.
func (d *doctor) isUnchanged(ctx context.Context, t *tenants.Tenant) (bool, error) {
	var same, busy int64
	err := d.master.View(ctx, func(tx *gorm.DB) error {
		err := tx.Model(&tenants.Tenant{}).Where("id = ? AND epoch = ? AND state = ? AND schema_version = ?", t.ID, t.Epoch, t.State, t.SchemaVersion).
			Count(&same).Error
		if err != nil {
			return err
		}
		return tx.Model(&tenants.Operation{}).Where("tenant_id = ? AND finished_at IS NULL", t.ID).Count(&busy).Error
	})
	if err != nil {
		return false, fmt.Errorf("read tenant %q again: %w", t.Subdomain, err)
	}
	return same == 1 && busy == 0, nil
}

// remedy describes how to fix a fault.
func (m *Manager) remedy(t *tenants.Tenant, f tenants.Fault) string {
	switch {
	case f.Kind == tenants.FaultVersion:
		return "run with --repair to update the master, then: " + m.program + " migrate up"
	case f.Mendable:
		return "run with --repair to correct it"
	case f.Kind == tenants.FaultSchema:
		return "undo the change of the schema with SQL, as the owner of the database " + t.Database +
			"; or, if it should be there, write a migration that makes it for all tenants"
	case f.Kind == tenants.FaultIndex:
		return "if the tenant is behind, " + m.program + " migrate up drops the index and makes it again; otherwise drop it or REINDEX it with SQL, as the owner of the database " + t.Database
	case f.Kind == tenants.FaultIdentity:
		return m.whileSuspended(t, "put back the database of tenant "+t.ID+", if necessary from a backup")
	case f.Kind == tenants.FaultMisplaced:
		return "find out which of the two is right, and remove the other"
	case t.State == tenants.StatePurged:
		return "restore the database " + t.Database + " from a backup if you need it; otherwise the tenant is forgotten at " + t.RemoveAfter.UTC().Format(time.RFC3339)
	case f.Kind == tenants.FaultMissing:
		return m.whileSuspended(t, "restore the database "+t.Database+" from a backup") + "; if it is lost: " + m.program + " doctor --repair --make-empty " +
			t.Subdomain + ", or " + m.program + " tenant archive and purge"
	case f.Kind == tenants.FaultUnreadable:
		return m.whileSuspended(t, "restore the database "+t.Database+" from a backup") + "; if it is lost: " + m.program + " tenant archive and purge"
	}
	return "correct it by hand"
}

// mend repairs what it can in an operation, and marks the findings that are resolved. If that fails, the others say why. It
// does nothing if another operation on the tenant is under way.
func (d *doctor) mend(ctx context.Context, engine tenants.Engine, t *tenants.Tenant, faults []tenants.Fault, found []Finding) error {
	mendable := func(f tenants.Fault) bool { return f.Mendable || f.Kind == tenants.FaultVersion }
	if !slices.ContainsFunc(faults, mendable) {
		return nil
	}
	move := slices.ContainsFunc(faults, func(f tenants.Fault) bool { return f.Kind == tenants.FaultMisplaced })
	mended, err := d.repair(ctx, d.By, t.ID, move)
	if err != nil {
		d.log.ErrorContext(ctx, "mend a tenant's database", "tenant", t.Subdomain, "error", err)
		for i := range found {
			if mendable(faults[i]) {
				found[i].Remedy = "remove the cause, then run with --repair again; this time it could not be corrected: " + err.Error()
			}
		}
		return ctx.Err()
	}
	*t = *mended
	left, err := engine.Examine(ctx, t)
	if err != nil {
		return err
	}
	for i := range found {
		found[i].Repaired = !slices.ContainsFunc(left, func(f tenants.Fault) bool { return string(f.Kind) == found[i].Kind })
	}
	return nil
}
