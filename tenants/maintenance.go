package tenants

import (
	"errors"
	"time"
)

// ErrPlannedMaintenance is matched by every *MaintenanceError.
var ErrPlannedMaintenance = errors.New("tenant is closed for maintenance by its operator")

// Maintenance is a time during which an operator keeps a tenant closed: its requests are refused with what the operator
// announced, and operators reach its data as before. It ends when an operator ends it, not by itself. It is independent
// of StateMaintenance, the state in which an operation keeps a tenant for as long as it works.
type Maintenance struct {
	// Since is when it began, or nil if there is none.
	Since *time.Time
	// Message tells people why. It may be empty.
	Message string `gorm:"not null;default:('')"`
	// Until is when it is expected to end, or nil if that isn't known.
	Until *time.Time
}

// IsOn reports whether the tenant is closed.
func (m Maintenance) IsOn() bool { return m.Since != nil }

// refuse returns a *MaintenanceError if the tenant is closed.
func (m Maintenance) refuse() error {
	if m.IsOn() {
		return &MaintenanceError{m.Message, m.Until}
	}
	return nil
}

// MaintenanceError means that an operator has closed the tenant for maintenance. It matches ErrPlannedMaintenance.
type MaintenanceError struct {
	// Message is what the operator tells people, and may be empty.
	Message string
	// Until is when the tenant is expected to be served again, or nil.
	Until *time.Time
}

// Error returns a fixed text.
func (e *MaintenanceError) Error() string { return ErrPlannedMaintenance.Error() }

// Unwrap returns ErrPlannedMaintenance.
func (e *MaintenanceError) Unwrap() error { return ErrPlannedMaintenance }
