package tenants

import "time"

// The spans of TrafficCounts.
const (
	SpanMinute = "minute"
	SpanHour   = "hour"
)

// TrafficCount counts requests of a minute or an hour: those of one tenant, of all on a server, or all. Each process writes its
// minutes; later they are added up to hours. Package traffic says for how long which rows are kept.
type TrafficCount struct {
	// Span is SpanMinute or SpanHour, and At its beginning.
	Span string    `gorm:"primaryKey;not null;check:traffic_counts_span_check,span IN ('minute', 'hour')"`
	At   time.Time `gorm:"primaryKey;not null"`
	// TenantID is empty in a row that counts all requests, also those without a tenant. In a row that counts those of the
	// tenants on a server it is what traffic.OfServer returns, which is no tenant's id.
	TenantID string `gorm:"primaryKey;not null"`
	// Source is the process that counted. It is empty for hours, which add up all processes.
	Source   string `gorm:"primaryKey;not null"`
	Requests int64  `gorm:"not null"`
	// Failed is how many of the requests failed by the server's fault.
	Failed int64 `gorm:"not null"`
	// Took has the numbers of requests by duration, as package traffic writes them.
	Took string `gorm:"not null"`
}

// ProcessLoad is what a process does now, and what it has counted since its start. It is not written again while the
// process does nothing.
type ProcessLoad struct {
	// InstanceID is the process. The load is deleted with its instance.
	InstanceID string    `gorm:"primaryKey;not null"`
	Instance   *Instance `gorm:"constraint:process_loads_instance_id_fkey,OnDelete:CASCADE"`
	At         time.Time `gorm:"not null"`
	// Load is JSON, as package traffic writes it.
	Load string `gorm:"not null"`
}
