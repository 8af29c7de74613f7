package app

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"tenantry/tenants"
	"tenantry/tenants/backup"
	"tenantry/tenants/backup/exports"
	"tenantry/tenants/jobs"
	"tenantry/tenants/traffic"
)

// loads collects what is open of what may be open, and what scopes did.
type loads struct {
	store   *tenants.Store
	traffic *traffic.Recorder
	program string // begins the metrics' names
	backups *backup.Backups
	exports *exports.Exports
	jobs    *jobs.Counts
}

// Describe describes no metrics in advance: the servers are known only when
// they are collected.
func (loads) Describe(chan<- *prometheus.Desc) {}

const gauge, counter = prometheus.GaugeValue, prometheus.CounterValue

// Collect reads them all.
func (l loads) Collect(into chan<- prometheus.Metric) {
	l.collectHandles(into)
	l.collectScopes(into)
	l.collectCaches(into)
	for _, server := range l.store.Servers() {
		engine, err := l.store.Server(server)
		if b, ok := engine.(tenants.Budgeted); ok && err == nil {
			l.collectConnections(into, server, b)
		}
	}
	l.collectTenants(into)
	l.collectBackups(into)
	l.collectJobs(into)
}

func (l loads) collectJobs(into chan<- prometheus.Metric) {
	ended, running := l.jobs.Tallies()
	ctx, cancel := context.WithTimeout(context.Background(), alertsTimeout)
	defer cancel()
	if oldest, err := l.store.Master().OldestDue(ctx); err == nil {
		l.send(into, []reading{{"jobs_oldest_due_seconds", "How long the oldest job has been due that no process takes care of, over all tenants and the master; 0 if none waits.", gauge, oldest.Age.Seconds()}}, nil)
	}
	l.send(into, []reading{{"jobs_running", "Jobs that this process runs now.", gauge, float64(running)}}, nil)
	for _, t := range ended {
		l.send(into, []reading{
			{"jobs_total", "Attempts of jobs, by how they ended.", counter, float64(t.Count)},
			{"jobs_seconds_total", "The time that they took together.", counter, t.Took.Seconds()},
		}, prometheus.Labels{"kind": t.Kind, "outcome": string(t.Outcome)})
	}
}

func (l loads) collectBackups(into chan<- prometheus.Metric) {
	if l.backups == nil {
		return
	}
	status := l.backups.Status()
	l.send(into, []reading{
		{"backup_age_seconds", "Age of the oldest commit of this process that is not backed up.", gauge, status.Age.Seconds()},
		{"backup_waiting", "Tenants with commits of this process that are not backed up.", gauge, float64(status.Waiting)},
		{"backup_failing", "Tenants whose last backup failed.", gauge, float64(len(status.Failing))},
		{"backups_total", "Backups of tenants that were made.", counter, float64(status.Stored)},
	}, nil)
	status = l.exports.Status()
	l.send(into, []reading{
		{"backup_export_age_seconds", "Age of the oldest commit to a tenant on Postgres that is not backed up, as far as this process knows.", gauge, status.Age.Seconds()},
		{"backup_export_waiting", "Tenants on Postgres with commits that are not backed up, as far as this process knows.", gauge, float64(status.Waiting)},
		{"backup_export_failing", "Tenants on Postgres whose last backup failed.", gauge, float64(len(status.Failing))},
		{"backup_exports_total", "Backups of tenants on Postgres that were made.", counter, float64(status.Stored)},
	}, nil)
}

func (l loads) collectHandles(into chan<- prometheus.Metric) {
	load := l.store.Load()
	l.send(into, []reading{
		{"handles_open", "Tenants' databases that are open.", gauge, float64(load.Open)},
		{"handles_leased", "Tenants' databases that requests use.", gauge, float64(load.Leased)},
		{"handles_limit", "Tenants' databases that may be open at once.", gauge, float64(load.Limit)},
		{"handles_waiting", "Tenants waiting for a place among those.", gauge, float64(load.Waiting)},
		{"handles_opened_total", "Tenants' databases that were opened.", counter, float64(load.Opened)},
		{"handles_evicted_total", "Databases that gave their place to another tenant's.", counter, float64(load.Evicted)},
		{"handles_rested_total", "Databases that were closed because no request used them.", counter, float64(load.Rested)},
		{"tenants_failing", "Tenants whose databases could not be opened when this process tried last.", gauge,
			float64(len(l.store.Failing()))},
		{"handle_waits_total", "Requests that had to wait for a place.", counter, float64(load.Waits)},
	}, nil)
	opened, waited := l.store.HandleTimes()
	l.sendHistogram(into, "handle_open_seconds", "How long it took to open tenants' databases.", opened, nil)
	l.sendHistogram(into, "handle_wait_seconds", "How long requests waited for a place among the open databases.", waited, nil)
}

func (l loads) collectScopes(into chan<- prometheus.Metric) {
	for outcome, n := range l.store.Scopes() {
		l.send(into, []reading{{"scopes_total", "Transactions on tenants' databases, by how they ended.", counter, float64(n)}},
			prometheus.Labels{"outcome": outcome.String()})
	}
	for _, limit := range tenants.AllLimits() {
		if limit == tenants.LimitWeight { // nothing is refused because of it
			continue
		}
		l.send(into, []reading{{"limit_refusals_total", "What was refused because a tenant reached a limit.", counter, float64(l.store.Refusals(limit))}},
			prometheus.Labels{"limit": string(limit)})
	}
	l.sendHistogram(into, "scope_wait_seconds", "How long transactions on tenants' databases took to begin.", l.store.Waits(), nil)
}

func (l loads) collectCaches(into chan<- prometheus.Metric) {
	stats := l.store.CacheStats()
	for outcome, n := range map[string]uint64{"hit": stats.Hits, "miss": stats.Misses, "bypassed": stats.Bypassed} {
		l.send(into, []reading{{"cache_values_total", "Values of tenants' that were asked for, by whether they were in memory.", counter, float64(n)}},
			prometheus.Labels{"outcome": outcome})
	}
	l.send(into, []reading{{"cache_evicted_total", "Values that others of the same tenant pushed out of memory.", counter, float64(stats.Evicted)}}, nil)
}

func (l loads) collectConnections(into chan<- prometheus.Metric, server string, b tenants.Budgeted) {
	c := b.Connections()
	l.send(into, []reading{
		{"connections_limit", "Connections to tenants' databases that there may be at once.", gauge, float64(c.Limit)},
		{"connections_changed_total", "Connections that a tenant got from another one.", counter, float64(c.Changed)},
		{"connections_refused_total", "Requests for a connection that were refused or waited in vain.", counter, float64(c.Refused)},
	}, prometheus.Labels{"server": server})
	for _, class := range b.ConnectionClasses() {
		labels := prometheus.Labels{"server": server, "class": class.Name}
		l.send(into, []reading{
			{"connections_used", "Connections to tenants' databases.", gauge, float64(class.Used)},
			{"connections_waiting", "How many wait for a connection.", gauge, float64(class.Waiting)},
		}, labels)
		l.sendHistogram(into, "connection_wait_seconds", "How long others waited for a connection.", class.Waits, labels)
	}
}

// collectTenants sends the counters of the busiest tenants, and those of all
// others together, so that the number of series is bounded.
func (l loads) collectTenants(into chan<- prometheus.Metric) {
	merged := map[string]traffic.Tally{}
	for _, t := range l.traffic.Tallies() {
		name := t.Tenant
		if name == "" {
			name = "other"
		}
		sum := merged[name] // series with the same labels would be an error
		merged[name] = traffic.Tally{Requests: sum.Requests + t.Requests, Failed: sum.Failed + t.Failed, Took: sum.Took + t.Took}
	}
	for name, t := range merged {
		l.send(into, []reading{
			{"tenant_requests_total", "Requests of the busiest tenants, and of all others.", counter, float64(t.Requests)},
			{"tenant_failures_total", "Those of them that failed by the server's fault.", counter, float64(t.Failed)},
			{"tenant_request_seconds_total", "The time that they took together.", counter, t.Took.Seconds()},
		}, prometheus.Labels{"tenant": name})
	}
}

// reading is the present value of a metric.
type reading struct {
	name, help string
	kind       prometheus.ValueType
	value      float64
}

func (l loads) send(into chan<- prometheus.Metric, readings []reading, labels prometheus.Labels) {
	for _, r := range readings {
		desc := prometheus.NewDesc(l.program+"_"+r.name, r.help, nil, labels)
		into <- prometheus.MustNewConstMetric(desc, r.kind, r.value)
	}
}

func (l loads) sendHistogram(into chan<- prometheus.Metric, name, help string, h tenants.Histogram, labels prometheus.Labels) {
	desc := prometheus.NewDesc(l.program+"_"+name, help, nil, labels)
	into <- prometheus.MustNewConstHistogram(desc, h.Count, h.Sum.Seconds(), h.Buckets)
}
