package console

import (
	"time"

	"tenantry/tenants"
	"tenantry/tenants/traffic"
)

// What templates call, and charts, for tests of them.
func Number(n any) string                { return number(n) }
func ByteSize(n int64) string            { return byteSize(n) }
func Took(d time.Duration) string        { return took(d) }
func RoundUp(n int64) int64              { return roundUp(n) }
func RequestsChart(h traffic.Hour) chart { return requestsChart(h.Period()) }
func LatencyChart(h traffic.Hour) chart  { return latencyChart(h.Period()) }
func Did(o tenants.Operation) string     { return did(o) }
