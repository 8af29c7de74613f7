//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// packageRow is a row that is a metric of a package's benchmark.
type packageRow struct{ name, target, benchmark, metric string }

// packages are the benchmarks that are run.
var packages = []struct {
	path, pattern, times string
	rows                 []packageRow
}{
	{"./tenants/postgres", "^BenchmarkActiveTenants$", "1x", []packageRow{
		{"Postgres, 100 connections: 100 tenants active, against 80", "≥ 0.8", "ActiveTenants/tenants=100", "ratio"},
		{"the same, 200 tenants", "≥ 0.5", "ActiveTenants/tenants=200", "ratio"},
		{"the same, 1,000 tenants", "", "ActiveTenants/tenants=1000", "ratio"},
		{"the same, 1,000 tenants: refused, of 1,000 transactions", "", "ActiveTenants/tenants=1000", "refused/1000"},
		{"the same, 1,000 tenants: the median tenant against the slowest", "≤ 5", "ActiveTenants/tenants=1000", "median/slowest"},
	}},
	{"./tenants/postgres", "^BenchmarkEnoughConnections$", "1x", []packageRow{
		{"Postgres, 300 connections: 200 tenants active, against one", "≥ 0.8", "EnoughConnections", "ratio"},
	}},
	{"./tenants", "^BenchmarkNeighbours$/.*/rows=20$", "3x", []packageRow{
		{"SQLite: others' p50 beside 16 readers of one tenant, against without", "≤ 2", "Neighbours/sqlite/rows=20", "p50-ratio"},
		{"the same, p99", "≤ 2", "Neighbours/sqlite/rows=20", "p99-ratio"},
		{"Postgres: others' p50 beside 16 readers of one tenant, against without", "≤ 2", "Neighbours/postgres/rows=20", "p50-ratio"},
		{"the same, p99", "≤ 2", "Neighbours/postgres/rows=20", "p99-ratio"},
	}},
	{"./tenants", "^BenchmarkHandleMemory$", "1x", []packageRow{
		{"SQLite: resident memory of an open handle, KB", "≤ 90", "HandleMemory", "KB/handle"},
		{"SQLite: what remains of 1,000 handles once they are idle, MB", "≤ 20", "HandleMemory", "MB-remaining"},
	}},
	{"./tenants", "^BenchmarkFirstTouch$", "500x", []packageRow{
		{"SQLite: first touch of a tenant among 2,000 open, µs of processor time", "≤ 400", "FirstTouch", "cpu-us/op"},
	}},
}

// measurePackages runs the packages' benchmarks, each in a process of its own. Rows that a benchmark
// skips, for example without Postgres, are left out, and so are those of a benchmark that fails.
func measurePackages(ctx context.Context) (rows []row, failed error) {
	for _, p := range packages {
		test := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", p.pattern, "-benchtime", p.times, "-timeout", "20m", p.path)
		test.Stderr = os.Stderr
		out, err := test.Output()
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w: %s", strings.Join(test.Args, " "), err, bytes.TrimSpace(out)))
		}
		for _, r := range p.rows {
			if value, ok := metric(string(out), r.benchmark, r.metric); ok {
				rows = append(rows, row{Name: r.name, Target: r.target, Measured: value})
			}
		}
	}
	return rows, failed
}

// metric finds a benchmark's metric in the output of go test.
func metric(out, benchmark, unit string) (float64, bool) {
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		if len(fields) < 2 || !strings.HasPrefix(fields[0]+"-", "Benchmark"+benchmark+"-") {
			continue
		}
		for i := 3; i < len(fields); i += 2 {
			if fields[i] == unit {
				value, err := strconv.ParseFloat(fields[i-1], 64)
				return value, err == nil
			}
		}
	}
	return 0, false
}
