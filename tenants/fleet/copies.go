package fleet

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
)

// checkCopies returns an error if the plan wants copies of databases and there can't be any, or if the disk has no room for
// them.
func (f *Fleet) checkCopies(ctx context.Context, plan Plan, targets []target) error {
	if !plan.KeepCopies {
		return nil
	}
	need := map[string]int64{}
	sizes := map[string]map[string]int64{}
	for _, t := range targets {
		if sizes[t.Server] == nil {
			var err error
			if sizes[t.Server], err = f.sizes(ctx, t.Server); err != nil {
				return err
			}
		}
		need[t.Server] += sizes[t.Server][t.Database]
	}
	for server, bytes := range need {
		copier, err := f.copier(server)
		if err != nil {
			return err
		}
		if err := copier.CheckRoom(bytes); err != nil {
			return fmt.Errorf("copies of the databases on server %q: %w", server, err)
		}
	}
	return nil
}

// copier returns the engine of a server. Returns a *lifecycle.FilterError if it keeps no copies.
func (f *Fleet) copier(server string) (tenants.Copier, error) {
	engine, err := f.store.Server(server)
	if err != nil {
		return nil, err
	}
	copier, ok := engine.(tenants.Copier)
	if !ok {
		return nil, &lifecycle.FilterError{Field: "keep_copies", Message: fmt.Sprintf(
			"is for tenants on SQLite, and server %s is on another engine: back its tenants up first, and migrate them in a run of their own", server)}
	}
	return copier, nil
}

// countCopies counts the copies that a run has kept.
func countCopies(tx *gorm.DB, run *Run) error {
	return tx.Model(&tenants.MigrationCopy{}).Where("run_id = ?", run.ID).
		Select("count(*), coalesce(sum(bytes), 0)").Row().Scan(&run.Copies, &run.CopyBytes)
}

// ErrNoCopies means that a run has kept no copies, or that none is left.
var ErrNoCopies = errors.New("no copies of databases are kept")

// Kept returns the run with that id, which has kept copies, or the last run that has kept some if the id is empty. Returns
// ErrUnknownRun, ErrNoCopies, or a *RunningError if a process works on a run.
func (f *Fleet) Kept(ctx context.Context, id string) (Run, error) {
	if err := f.checkIdle(ctx); err != nil {
		return Run{}, err
	}
	if id == "" {
		err := f.store.Master().View(ctx, func(tx *gorm.DB) error {
			return tx.Model(&tenants.MigrationCopy{}).Select("coalesce(max(run_id), '')").Scan(&id).Error
		})
		if err != nil {
			return Run{}, fmt.Errorf("look for copies: %w", err)
		}
		if id == "" {
			return Run{}, ErrNoCopies
		}
	}
	run, err := f.Run(ctx, id)
	if err == nil && run.Copies == 0 {
		err = fmt.Errorf("migration run %s: %w", id, ErrNoCopies)
	}
	return run, err
}

// Accept accepts what a run has done: its copies are removed, and it can't be reverted any more. It returns the run as it
// was before. If the process dies meanwhile, or a server doesn't answer, Accept can be called again. The errors are those of
// Kept.
func (f *Fleet) Accept(ctx context.Context, id string) (Run, error) {
	run, err := f.Kept(ctx, id)
	if err != nil {
		return run, err
	}
	var servers []string
	err = f.store.Master().Update(ctx, func(tx *gorm.DB) error {
		now, err := f.store.Master().Now(tx)
		if err != nil {
			return err
		}
		if err := tx.Model(&tenants.MigrationRun{ID: run.ID}).Update("accepted_at", now).Error; err != nil {
			return err
		}
		return tx.Model(&tenants.MigrationCopy{}).Where("run_id = ?", run.ID).Distinct().Pluck("server", &servers).Error
	})
	if err != nil {
		return run, fmt.Errorf("accept migration run %s: %w", run.ID, err)
	}
	var errs []error
	for _, server := range servers {
		errs = append(errs, f.removeCopies(ctx, run.ID, server))
	}
	return run, errors.Join(errs...)
}

func (f *Fleet) removeCopies(ctx context.Context, run, server string) error {
	copier, err := f.copier(server)
	if err != nil {
		return err
	}
	if err := copier.RemoveCopies(ctx, run); err != nil {
		return err
	}
	return f.store.Master().Update(ctx, func(tx *gorm.DB) error {
		return tx.Delete(&tenants.MigrationCopy{}, "run_id = ? AND server = ?", run, server).Error
	})
}
