package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"tenantry/tenants"
	"tenantry/tenants/trial"
)

// Forecast is what the pending migrations would do to the tenants of a server that have the same schema version.
type Forecast struct {
	Server string `json:"server"`
	From   int64  `json:"from_version"`
	To     int64  `json:"to_version"`
	// Tenants is their number, and Bytes the size of their databases. Unmeasured is the number of those whose size is
	// unknown.
	Tenants    int   `json:"tenants"`
	Bytes      int64 `json:"bytes"`
	Unmeasured int   `json:"unmeasured"`
	// Largest is the subdomain of the largest of them, and LargestBytes its size.
	Largest      string `json:"largest"`
	LargestBytes int64  `json:"largest_bytes"`
	// OlderCode is the oldest build whose code can serve the tenants afterwards, as the migrations declare.
	OlderCode int64 `json:"older_code"`
	// OlderBuilds are the processes that are running now and can't: they answer 503 for migrated tenants.
	OlderBuilds []OlderBuild `json:"older_builds"`
	// Seconds is an estimate of the time that migrating all of them takes, and LargestSeconds that of the largest one.
	Seconds        float64 `json:"estimated_seconds"`
	LargestSeconds float64 `json:"largest_estimated_seconds"`
	// Report is what the migrations did to an empty database of the version on that server.
	Report *trial.Report `json:"report"`
}

// OlderBuild is a running process of an older build.
type OlderBuild struct {
	Name string `json:"name"`
	// SchemaVersion is the version of the build's last migration, or 0 if it is unknown.
	SchemaVersion int64     `json:"schema_version"`
	StartedAt     time.Time `json:"started_at"`
}

// Dangers returns the number of findings that are dangerous, and of processes that can't serve the tenants afterwards.
func (f *Forecast) Dangers() (n int) {
	n = len(f.OlderBuilds)
	for _, m := range f.Report.Migrations {
		n += countDangers(m.Findings)
		for _, s := range m.Statements {
			n += countDangers(s.Findings)
		}
	}
	return n
}

func countDangers(findings []trial.Finding) (n int) {
	for _, f := range findings {
		if f.Danger {
			n++
		}
	}
	return n
}

// Forecast tries the pending migrations on an empty database for each server and version that the plan's tenants have,
// and estimates the time from the sizes of their databases. It opens no tenant's database. progress may be nil. With an
// error it also returns the forecasts for the servers that answered. Returns an *UnknownError if the plan names tenants
// that don't exist.
func (f *Fleet) Forecast(ctx context.Context, plan Plan, progress func(done, total int)) ([]Forecast, error) {
	groups, err := f.group(ctx, plan)
	if err != nil {
		return nil, err
	}
	forecasts := []Forecast{}
	var errs []error
	for i, group := range groups {
		forecast, err := f.forecast(ctx, group, cmp.Or(plan.Parallel, DefaultParallel))
		if err != nil {
			errs = append(errs, fmt.Errorf("server %q: %w", group[0].Server, err))
		} else {
			forecasts = append(forecasts, *forecast)
		}
		if progress != nil {
			progress(i+1, len(groups))
		}
	}
	return forecasts, errors.Join(errs...)
}

// Outline is what a run would do.
type Outline struct {
	// Tenants is the number of tenants that it would migrate, and Waves are the sizes of its waves.
	Tenants int   `json:"tenants"`
	Waves   []int `json:"waves"`
	// Seconds is an estimate of the time that the migrations take, and Dangers the number of dangers among the findings.
	Seconds float64 `json:"estimated_seconds"`
	Dangers int     `json:"dangers"`
	// Forecasts are what the migrations would do on each server, for each version.
	Forecasts []Forecast `json:"forecasts"`
}

// Outline returns what a run with the plan would do. It fails as Forecast does.
func (f *Fleet) Outline(ctx context.Context, plan Plan) (*Outline, error) {
	forecasts, err := f.Forecast(ctx, plan, nil)
	if err != nil {
		return nil, err
	}
	o := &Outline{Forecasts: forecasts, Waves: []int{}}
	servers := map[string]float64{} // are worked on side by side
	for i := range forecasts {
		o.Tenants += forecasts[i].Tenants
		o.Dangers += forecasts[i].Dangers()
		servers[forecasts[i].Server] += forecasts[i].Seconds
		o.Seconds = max(o.Seconds, servers[forecasts[i].Server])
	}
	o.Waves = append(o.Waves, plan.waves(o.Tenants, len(plan.Canaries))...)
	return o, nil
}

// group returns the tenants that the plan would migrate, by server and version.
func (f *Fleet) group(ctx context.Context, plan Plan) (groups [][]target, err error) {
	targets, err := f.planned(ctx, plan)
	if err != nil {
		return nil, err
	}
	type key struct {
		server  string
		version int64
	}
	at := map[key]int{}
	for _, t := range targets {
		k := key{t.Server, t.SchemaVersion}
		i, there := at[k]
		if !there {
			i = len(groups)
			at[k], groups = i, append(groups, nil)
		}
		groups[i] = append(groups[i], t)
	}
	return groups, nil
}

// planned returns the tenants that a run with the plan would migrate.
func (f *Fleet) planned(ctx context.Context, plan Plan) ([]target, error) {
	if err := plan.Check(); err != nil {
		return nil, err
	}
	if err := errors.Join(f.checkNames(ctx, "tenants", plan.Tenants), f.checkNames(ctx, "except", plan.Except), f.checkNames(ctx, "canaries", plan.Canaries)); err != nil {
		return nil, err
	}
	targets, err := f.targets(ctx, &tenants.MigrationRun{ID: "none"}, plan)
	if err == nil && plan.First > 0 {
		targets = targets[:min(plan.First, len(targets))]
	}
	return targets, err
}

func (f *Fleet) forecast(ctx context.Context, group []target, parallel int) (*Forecast, error) {
	engine, err := f.rehearser(group[0].Server)
	if err != nil {
		return nil, err
	}
	forecast := &Forecast{Server: group[0].Server, From: group[0].SchemaVersion, To: engine.SchemaVersion(), Tenants: len(group)}
	if forecast.Report, err = engine.RehearseSchema(ctx, forecast.From); err != nil {
		return nil, err
	}
	forecast.OlderCode = engine.Versions().OlderCode[forecast.To]
	if forecast.OlderBuilds, err = f.olderBuilds(ctx); err != nil {
		return nil, err
	}
	sizes, err := sizesOn(ctx, engine)
	if err != nil {
		return nil, err
	}
	for _, t := range group {
		size, known := sizes[t.Database]
		forecast.Bytes += size
		if !known {
			forecast.Unmeasured++
		}
		if size > forecast.LargestBytes {
			forecast.Largest, forecast.LargestBytes = t.Subdomain, size
		}
	}
	forecast.LargestSeconds = estimate(forecast.Report, 1, forecast.LargestBytes)
	together := estimate(forecast.Report, forecast.Tenants, forecast.Bytes) / float64(min(parallel, forecast.Tenants))
	forecast.Seconds = math.Max(forecast.LargestSeconds, together)
	return forecast, nil
}

// olderBuilds returns the running processes that can't serve migrated tenants.
func (f *Fleet) olderBuilds(ctx context.Context) ([]OlderBuild, error) {
	all := []OlderBuild{}
	err := f.store.CheckOlderBuilds(ctx)
	var older *tenants.OlderBuildError
	if !errors.As(err, &older) {
		return all, err
	}
	for _, i := range older.Instances {
		all = append(all, OlderBuild{i.Name, i.SchemaVersion, i.StartedAt.UTC()})
	}
	return all, nil
}

// rehearser returns the engine of a server.
func (f *Fleet) rehearser(server string) (tenants.Rehearser, error) {
	engine, err := f.store.Server(server)
	if err != nil {
		return nil, err
	}
	rehearser, ok := engine.(tenants.Rehearser)
	if !ok {
		return nil, errors.New("its engine can't try migrations")
	}
	return rehearser, nil
}

// sizesOn returns the sizes of a server's databases by name, or nothing if the engine can't measure them.
func sizesOn(ctx context.Context, engine tenants.Engine) (map[string]int64, error) {
	sizer, ok := engine.(tenants.Sizer)
	if !ok {
		return nil, nil
	}
	return sizer.Sizes(ctx)
}

// What the estimate assumes of a server.
const (
	secondsEach   = 0.1       // for closing a tenant's handles and recording the operation
	readBytes     = 200 << 20 // read each second
	writtenBytes  = 25 << 20  // read and written anew each second
	secondsOfStep = 0.002     // for a statement that doesn't grow with the rows
)

// estimate returns the seconds that migrating a number of tenants, one after another, takes. It takes each table for as
// large as its database, so it errs on the long side.
func estimate(report *trial.Report, number int, bytes int64) (seconds float64) {
	seconds = float64(number) * secondsEach
	add := func(findings []trial.Finding) {
		for _, f := range findings {
			switch {
			case f.Kind.Writes():
				seconds += float64(bytes) / writtenBytes
			case f.Kind == trial.Scan:
				seconds += float64(bytes) / readBytes
			}
		}
	}
	for _, m := range report.Migrations {
		add(m.Findings)
		for _, s := range m.Statements {
			seconds += float64(number) * secondsOfStep
			add(s.Findings)
		}
	}
	return seconds
}
