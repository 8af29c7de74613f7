package tenants_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
)

// BenchmarkEach visits 1,000 cold SQLite tenants with a query, and opens, queries and closes as many without a scope, alternating
// in one run. "ratio" compares the times, and "cpu-ratio" those of the processor, which depend less on what else the machine does.
func BenchmarkEach(b *testing.B) {
	env, list := manyTenants(b, 1000, 10)
	var opening, visiting, openingCPU, visitingCPU time.Duration
	for b.Loop() {
		cpu, begun := processorTime(b), time.Now()
		openAll(b, env, list)
		cpuBetween, between := processorTime(b), time.Now()
		visitAll(b, env, len(list))
		opening, visiting = opening+between.Sub(begun), visiting+time.Since(between)
		openingCPU, visitingCPU = openingCPU+cpuBetween-cpu, visitingCPU+processorTime(b)-cpuBetween
	}
	b.ReportMetric(float64(visiting)/float64(opening), "ratio")
	b.ReportMetric(float64(visitingCPU)/float64(openingCPU), "cpu-ratio")
	b.ReportMetric(float64(openingCPU.Microseconds())/float64(b.N*len(list)), "open-cpu-us")
}

// openAll opens each database, reads a row, and closes it.
func openAll(b *testing.B, env *tenantstest.Env, list []*tenants.Tenant) {
	var group errgroup.Group
	group.SetLimit(4)
	for _, tenant := range list {
		group.Go(func() error {
			conns, err := env.Engine.Open(b.Context(), tenant)
			if err != nil {
				return err
			}
			var n int
			if err := conns.Read.QueryRow(countFolders).Scan(&n); err != nil {
				return err
			}
			return conns.Close()
		})
	}
	if err := group.Wait(); err != nil {
		b.Error(err)
	}
}

// visitAll reads a row of each tenant's.
func visitAll(b *testing.B, env *tenantstest.Env, want int) {
	reach, err := env.Store.Each(context.Background(), tenants.Filter{}, tenants.EachOptions{}, func(_ *tenants.Tenant, tx *gorm.DB) error {
		var n int
		return tx.Raw(countFolders).Scan(&n).Error
	})
	if err != nil || reach.Answered != want {
		b.Errorf("%+v, %v", reach, err)
	}
}

const countFolders = "SELECT count(*) FROM folders"

// BenchmarkBesideEach measures what a query over 1,000 cold SQLite tenants, again and again, does to the requests of four others,
// as BenchmarkNeighbours does.
func BenchmarkBesideEach(b *testing.B) {
	env, list := manyTenants(b, 1000, 10)
	others := make([]*tenants.Tenant, 4)
	for i := range others {
		others[i] = folderTenant(b, env, fmt.Sprint("other", i))
		readOne(b, env, others[i])
	}
	var alone, beside []time.Duration
	for b.Loop() {
		measure := func() []time.Duration {
			return measureOthers(others, 400, func(t *tenants.Tenant) { readOne(b, env, t) })
		}
		alone = append(alone, measure()...)
		stop := readAll(1, func() { visitAll(b, env, len(list)+len(others)) })
		beside = append(beside, measure()...)
		stop()
	}
	reportBeside(b, alone, beside)
}
