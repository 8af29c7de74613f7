package console

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/look"
	"tenantry/tenants/fleet"
	"tenantry/tenants/lifecycle"
)

// migrationsPage shows the tenants' schema versions, and the running or the last
// migration of all tenants that are behind.
type migrationsPage struct {
	Standings []fleet.VersionCount
	Behind    int64
	// Pass is nil before the first migration of all tenants.
	Pass *passView
	// Problem says why no migration was started.
	Problem string
}

// passView is the progress of a migration of all tenants.
type passView struct {
	By      lifecycle.Operator `json:"-"`
	Started time.Time          `json:"-"`
	// Ended is zero while the pass runs.
	Ended time.Time `json:"-"`
	Total int       `json:"total"`
	Done  int       `json:"done"`
	// Failed is the number of tenants that could not be migrated, and Failures has
	// the first of them.
	Failed   int             `json:"failed"`
	Failures []fleet.Failure `json:"-"`
	Waves    []wave          `json:"waves"`
	// Problem says why the pass ended early, or is empty.
	Problem string `json:"-"`
	Over    bool   `json:"over"`
}

// wave is a part of a pass. Its tenants are migrated a few at a time.
type wave struct {
	Number int `json:"number"`
	Size   int `json:"size"`
	Done   int `json:"done"`
	Failed int `json:"failed"`
}

const (
	// maxWaves is the largest number of waves in a pass.
	maxWaves = 20
	// shownFailures is the largest number of failures that are kept.
	shownFailures = 100
)

// note counts a tenant that has been migrated or has failed.
func (v *passView) note(progress fleet.Progress) {
	if v.Waves == nil {
		v.Total, v.Waves = progress.Total, wavesOf(progress.Total)
	}
	v.Waves = slices.Clone(v.Waves) // readers may still use the old slice
	of := &v.Waves[min(v.Done/v.Waves[0].Size, len(v.Waves)-1)]
	v.Done++
	of.Done++
	if progress.Err == nil {
		return
	}
	v.Failed++
	of.Failed++
	if len(v.Failures) < shownFailures {
		v.Failures = append(v.Failures, fleet.Failure{Subdomain: progress.Subdomain, Err: progress.Err})
	}
}

// wavesOf divides tenants into waves of one size; only the last may be smaller.
func wavesOf(total int) []wave {
	size := max(1, (total+maxWaves-1)/maxWaves)
	var waves []wave
	for left := total; left > 0; left -= size {
		waves = append(waves, wave{Number: len(waves) + 1, Size: min(size, left)})
	}
	return waves
}

// end records the result of the pass.
func (v *passView) end(err error, now time.Time) {
	v.Over, v.Ended = true, now
	var partial *fleet.PartialError
	if err != nil && !errors.As(err, &partial) {
		v.Problem = err.Error()
	}
}

// migrations shows the schema versions and the pass.
func (s *Console) migrations(c *gin.Context) error {
	return s.showMigrations(c, http.StatusOK, "")
}

func (s *Console) showMigrations(c *gin.Context, status int, problem string) error {
	standings, err := fleet.Status(c.Request.Context(), s.o.Store)
	if err != nil {
		return err
	}
	page := migrationsPage{Standings: standings, Pass: s.passes.view(), Problem: problem}
	for _, one := range standings {
		if one.SchemaVersion < one.Target {
			page.Behind += one.Tenants
		}
	}
	s.show(c, status, "migrations", "Migrations", "/migrations", page)
	return nil
}

// migrate starts a pass, which continues when the browser disconnects.
func (s *Console) migrate(c *gin.Context) error {
	if !s.passes.begin(passView{By: s.by(c), Started: s.o.Now()}) {
		return s.showMigrations(c, http.StatusConflict, "A migration of all tenants is already running. Wait until it has finished.")
	}
	go s.runPass(s.o.Serving, s.by(c))
	return look.SeeOther(c, "/migrations")
}

// runPass runs the pass that has been started.
func (s *Console) runPass(ctx context.Context, by lifecycle.Operator) {
	note := func(p fleet.Progress) { s.passes.change(func(v *passView) { v.note(p) }) }
	s.passes.run(func() error {
		_, err := s.o.Fleet.Migrate(ctx, by, fleet.Plan{}, note)
		return err
	}, func(v *passView, err error) { v.end(err, s.o.Now()) })
}

// Took returns the duration of the pass.
func (v *passView) Took() time.Duration { return v.Ended.Sub(v.Started) }

// Migrated returns the number of tenants that have been migrated.
func (v *passView) Migrated() int { return v.Done - v.Failed }
