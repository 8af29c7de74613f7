package tenants

import (
	"context"
	"slices"
	"strings"

	"gorm.io/gorm"
)

// Scarcity says that the processes that serve tenants have wanted more connections to a server at once than it allows,
// so that tenants waited for each other's.
type Scarcity struct {
	Server string
	// Wanted is the sum of what the processes wanted at most since they began, Allowed what they may have together, and
	// Processes their number.
	Wanted, Allowed, Processes int
	// Setting is the server's own limit on connections, and Needed what it would have to be. Both are 0 if this
	// program's configuration is the limit.
	Setting, Needed int
}

// Scarcities returns the servers whose connections were scarce, by name.
func (s *Store) Scarcities(ctx context.Context) (found []Scarcity, err error) {
	var shares []ConnectionShare
	err = s.master.View(ctx, func(tx *gorm.DB) error {
		serving, err := s.master.serving(tx)
		if err != nil {
			return err
		}
		return tx.Find(&shares, "instance_id IN ?", idsOf(serving)).Error
	})
	if err != nil {
		return nil, err
	}
	for name, d := range s.servers.divided() {
		if scarcity := scarcityOf(name, d, shares); scarcity.Wanted > scarcity.Allowed {
			found = append(found, scarcity)
		}
	}
	slices.SortFunc(found, func(a, b Scarcity) int { return strings.Compare(a.Server, b.Server) })
	return found, nil
}

func scarcityOf(server string, d Divided, shares []ConnectionShare) Scarcity {
	s := Scarcity{Server: server}
	for _, share := range shares {
		if share.Server == server {
			s.Wanted += share.Peak
			s.Processes++
		}
	}
	limit := d.MaxConnections(max(1, s.Processes))
	s.Allowed = limit - newcomers(limit)
	if s.Setting = d.ConnectionSetting(); s.Setting > 0 {
		s.Needed = s.Setting + s.Wanted - s.Allowed
	}
	return s
}
