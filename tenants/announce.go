package tenants

import (
	"context"
	"slices"

	"gorm.io/gorm"
)

// Announce records in the master where the process listens for tenants' requests, which tells others that it serves
// tenants.
func (i *Process) Announce(ctx context.Context, address string) error {
	i.mu.Lock()
	i.addr = address
	id := i.id
	i.mu.Unlock()
	return i.master.Update(ctx, func(tx *gorm.DB) error {
		if err := tx.Model(&Instance{ID: id}).Update("address", address).Error; err != nil {
			return err
		}
		return i.countServers(tx)
	})
}

func (i *Process) address() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.addr
}

// countServers counts the processes that serve tenants.
func (i *Process) countServers(tx *gorm.DB) error {
	serving, err := i.master.serving(tx)
	if err == nil {
		i.servers.Store(int64(len(serving)))
	}
	return err
}

// shares returns among how many processes a limit is divided: those that served tenants at the last heartbeat, at least
// this one.
func (i *Process) shares() int64 { return max(1, i.servers.Load()) }

// serving returns the processes that serve tenants, oldest first.
func (m *Master) serving(tx *gorm.DB) ([]Instance, error) {
	living, err := m.Living(tx)
	return slices.DeleteFunc(living, func(i Instance) bool { return i.Address == "" }), err
}

// Serving returns where the process that began last listens for tenants' requests, or "" if none does.
func (m *Master) Serving(ctx context.Context) (address string, err error) {
	err = m.View(ctx, func(tx *gorm.DB) error {
		serving, err := m.serving(tx)
		if n := len(serving); n > 0 {
			address = serving[n-1].Address
		}
		return err
	})
	return address, err
}
