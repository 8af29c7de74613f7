// Package seed makes the demo tenants: three companies of different kinds and
// sizes, with the people, projects, tasks, comments and history that they would
// have.
//
//	acme     a joinery of 6 people
//	globex   an architects' office of 18
//	initech  a software company of 45, with some 2,000 tasks
//
// The rows are made up from the files in data by random choices with a fixed
// start, and dated around a fixed day: every run makes the same rows. The
// package reaches the tenants through lifecycle and scopes, as handlers do.
package seed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
)

// CreatedBy is what Tenant.CreatedBy says of the tenants that the seed made.
// It never touches another.
const CreatedBy = "seed"

// ErrUnknown means that a subdomain is not that of a demo tenant.
var ErrUnknown = errors.New("no demo tenant")

// Outcome is what Run did about a tenant.
type Outcome string

// The outcomes.
const (
	// Created: there was no such tenant; now there is, with its data.
	Created Outcome = "created"
	// Filled: the seed had made the tenant before, and it was still empty.
	Filled Outcome = "filled"
	// Unchanged: the seed had made the tenant before, and it is in use.
	Unchanged Outcome = "unchanged"
	// Skipped: the tenant was not made by the seed, or is not active. It was
	// not touched.
	Skipped Outcome = "skipped"
)

// Result is the outcome of Run for one tenant.
type Result struct {
	Subdomain string  `json:"subdomain"`
	Name      string  `json:"name"`
	Outcome   Outcome `json:"outcome"`
	// Reason says why the tenant was skipped.
	Reason string `json:"reason,omitempty"`
	// Rows is how many rows were written.
	Rows int `json:"rows"`
}

// Progress reports how much of one tenant's data is written.
type Progress struct {
	Subdomain string
	// Done of Total rows are written. They are stored when all are.
	Done, Total int
}

// Subdomains are those of the demo tenants, in the order in which they are made.
func Subdomains() []string {
	var all []string
	for _, c := range companies() {
		all = append(all, c.Subdomain)
	}
	return all
}

// Check returns ErrUnknown if a subdomain is that of no demo tenant.
func Check(subdomains []string) error {
	_, err := choose(subdomains)
	return err
}

// Run makes those of the demo tenants that are missing and fills those that are
// empty, each in one transaction; no subdomains means all of them. Run returns
// ErrUnknown if a subdomain is that of no demo tenant, before it changes
// anything. It continues after a tenant that fails, unless ctx has ended, and
// returns the results of the others with the failures. progress may be nil; it
// is called in Run's own goroutine.
func Run(ctx context.Context, store *tenants.Store, manager *lifecycle.Manager, subdomains []string, progress func(Progress)) ([]Result, error) {
	chosen, err := choose(subdomains)
	if err != nil {
		return nil, err
	}
	if progress == nil {
		progress = func(Progress) {}
	}
	r := &run{store, manager, progress}
	var results []Result
	var failures []error
	for _, c := range chosen {
		result, err := r.make(ctx, c)
		if err != nil {
			failures = append(failures, fmt.Errorf("seed tenant %q: %w", c.Subdomain, err))
			if ctx.Err() != nil {
				break
			}
			continue
		}
		results = append(results, result)
	}
	return results, errors.Join(failures...)
}

// choose finds the companies of those subdomains, each once.
func choose(subdomains []string) ([]company, error) {
	known := companies()
	if len(subdomains) == 0 {
		return known, nil
	}
	var chosen []company
	for i, subdomain := range subdomains {
		at := slices.IndexFunc(known, func(c company) bool { return c.Subdomain == subdomain })
		if at < 0 {
			return nil, fmt.Errorf("%w is called %q; there are %s", ErrUnknown, subdomain, strings.Join(Subdomains(), ", "))
		}
		if !slices.Contains(subdomains[:i], subdomain) {
			chosen = append(chosen, known[at])
		}
	}
	return chosen, nil
}
