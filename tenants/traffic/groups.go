package traffic

import (
	"context"
	"encoding/json"
	"fmt"

	"gorm.io/gorm"

	"tenantry/tenants"
)

// Group is all tenants on a server whose databases have the same schema version.
type Group struct {
	Server        string `json:"server"`
	SchemaVersion int64  `json:"schema_version"`
}

// maxGroups limits the groups that a process counts. Requests of others are only part of the total.
const maxGroups = 512

// groupCounts counts the requests of a group since the start of the process. They wrap around.
type groupCounts map[Group]*counts

func (g groupCounts) count(of Group, failed bool, bucket int) {
	c := g[of]
	if c == nil {
		if len(g) >= maxGroups {
			return
		}
		c = &counts{}
		g[of] = c
	}
	c.requests++
	if failed {
		c.failed++
	}
	c.took[bucket]++
}

// groupLoad is what a process has counted for a group, as it stands in the master.
type groupLoad struct {
	Group
	Requests uint32 `json:"requests"`
	Failed   uint32 `json:"failed"`
	Took     string `json:"took"`
}

// groups returns what this process has counted for each group.
func (r *Recorder) groups() []groupLoad {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]groupLoad, 0, len(r.byGroup))
	for group, c := range r.byGroup {
		all = append(all, groupLoad{group, c.requests, c.failed, textOf(&c.took)})
	}
	return all
}

// Mark is what all living processes have counted for each group since their start. It is a few seconds old.
type Mark map[string]map[Group]counts // by process

// ReadMark reads a mark from the master.
func ReadMark(ctx context.Context, master *tenants.Master) (Mark, error) {
	var loads []tenants.ProcessLoad
	err := master.View(ctx, func(tx *gorm.DB) error { return tx.Find(&loads).Error })
	if err != nil {
		return nil, fmt.Errorf("read the loads of processes: %w", err)
	}
	mark := Mark{}
	for i := range loads {
		var l load
		if err := json.Unmarshal([]byte(loads[i].Load), &l); err != nil {
			continue // another version's
		}
		of := map[Group]counts{}
		for _, g := range l.Groups {
			of[g.Group] = counts{g.Requests, g.Failed, parseTook(g.Took)}
		}
		mark[loads[i].InstanceID] = of
	}
	return mark, nil
}

// Since adds up the requests after an earlier mark, of the groups for which in returns true. Those of processes that
// have ended since are left out.
func (m Mark) Since(earlier Mark, in func(Group) bool) Total {
	var sum counts
	for process, groups := range m {
		for group, now := range groups {
			if in(group) {
				then := earlier[process][group]
				now.subtract(&then)
				sum.add(&now)
			}
		}
	}
	return totalOf(&sum)
}

func (c *counts) subtract(other *counts) {
	c.requests -= other.requests
	c.failed -= other.failed
	for i, n := range other.took {
		c.took[i] -= n
	}
}
