package traffic

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tenantry/tenants"
)

// toldTenants limits the tenants in a process's load.
const toldTenants = 50

// load is what a process does now, as it stands in the master.
type load struct {
	// Seconds is the time in which the requests were counted.
	Seconds float64      `json:"seconds"`
	All     tenantLoad   `json:"all"`
	Tenants []tenantLoad `json:"tenants"`
	// Groups were counted since the start of the process.
	Groups []groupLoad `json:"groups,omitempty"`
}

// idle reports whether the process does nothing.
func (l *load) idle() bool { return l.All.Requests == 0 && len(l.Tenants) == 0 }

// tenantLoad is what a tenant does now, or all of them.
type tenantLoad struct {
	ID       string `json:"id,omitempty"`
	Requests uint32 `json:"requests"`
	Failed   uint32 `json:"failed"`
	// Took has the requests by duration, as in TrafficCount.
	Took        string `json:"took"`
	Connections int    `json:"connections"`
	Waiting     int    `json:"waiting"`
}

// WriteLoad writes what this process does now into the master, for Top. A process that does nothing writes
// so once.
func (a *Archive) WriteLoad(ctx context.Context, store *tenants.Store) error {
	a.writing.Lock()
	defer a.writing.Unlock()
	now := a.load(store)
	idle := now.idle()
	if idle && !a.told {
		return nil
	}
	err := a.master.Update(ctx, func(tx *gorm.DB) error { return writeLoad(tx, a.master, store.Process().ID(), now) })
	if err != nil {
		return fmt.Errorf("write the load of this process: %w", err)
	}
	a.told = !idle
	return nil
}

func writeLoad(tx *gorm.DB, master *tenants.Master, process string, now load) error {
	text, err := json.Marshal(now)
	if err != nil {
		return err
	}
	at, err := master.Now(tx)
	if err != nil {
		return err
	}
	row := tenants.ProcessLoad{InstanceID: process, At: at, Load: string(text)}
	return tx.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "instance_id"}}, UpdateAll: true}).
		Omit("Instance").Create(&row).Error
}

// load returns what this process does now: its busiest tenants, and those that wait.
func (a *Archive) load(store *tenants.Store) load {
	all, byTenant := a.own.live()
	usage := store.Usage(slices.Collect(maps.Keys(byTenant)))
	now := load{Seconds: liveTime.Seconds(), All: loadOf("", all, tenants.Usage{}), Groups: a.own.groups()}
	for id, used := range usage {
		now.All.Connections += used.Connections
		now.All.Waiting += used.Waiting
		if c, counted := byTenant[id]; counted || used.Waiting > 0 {
			now.Tenants = append(now.Tenants, loadOf(id, c, used))
			delete(byTenant, id)
		}
	}
	for id, c := range byTenant { // those whose handles are closed already
		now.Tenants = append(now.Tenants, loadOf(id, c, tenants.Usage{}))
	}
	slices.SortFunc(now.Tenants, func(a, b tenantLoad) int {
		return cmp.Or(cmp.Compare(b.Waiting, a.Waiting), cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.ID, b.ID))
	})
	now.Tenants = now.Tenants[:min(toldTenants, len(now.Tenants))]
	return now
}

func loadOf(id string, c counts, used tenants.Usage) tenantLoad {
	return tenantLoad{id, c.requests, c.failed, textOf(&c.took), used.Connections, used.Waiting}
}
