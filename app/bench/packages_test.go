//go:build unix

package main

import "testing"

func TestMetric(t *testing.T) {
	t.Parallel()
	const out = "goos: linux\nBenchmarkA/tenants=10-2 \t 1\t 5 ns/op\t 0.5 ratio\nBenchmarkA/tenants=100-2 \t 1\t 6 ns/op\t 0.7 ratio\nBenchmarkB \t 1\t 6 ns/op\nPASS\n"
	for _, want := range []struct {
		benchmark, unit string
		value           float64
		found           bool
	}{{"A/tenants=10", "ratio", 0.5, true}, {"A/tenants=100", "ratio", 0.7, true}, {"B", "ns/op", 6, true}, {"B", "ratio", 0, false}, {"C", "ns/op", 0, false}} {
		if value, found := metric(out, want.benchmark, want.unit); value != want.value || found != want.found {
			t.Errorf("%s of %s: %v, %v", want.unit, want.benchmark, value, found)
		}
	}
}
