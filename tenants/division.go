package tenants

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// errDividing means that another process divides a server's connections.
var errDividing = errors.New("another process divides the server's connections")

// keepShares takes this process's shares of the servers' connections after each heartbeat, until ctx ends; more
// often while connections change from one process to another.
func (s *Store) keepShares(ctx context.Context) {
	for {
		var again <-chan time.Time
		if !s.takeShares(ctx) {
			again = time.After(s.process.ttl / 15)
		}
		select {
		case <-ctx.Done():
			return
		case <-s.beaten:
		case <-again:
		}
	}
}

// wakeShares wakes keepShares.
func (s *Store) wakeShares() {
	select {
	case s.beaten <- struct{}{}:
	default: // a wake-up is pending already
	}
}

// takeShares takes this process's share of each server's connections. It returns false if it should soon be called
// again.
func (s *Store) takeShares(ctx context.Context) (settled bool) {
	ctx, cancel := context.WithTimeout(ctx, s.process.ttl/4)
	defer cancel()
	settled = true
	for name, d := range s.servers.divided() {
		done, err := s.takeShare(ctx, name, d)
		if err != nil && !errors.Is(err, errDividing) && ctx.Err() == nil {
			s.log.WarnContext(ctx, "divide a server's connections among processes", "server", name, "error", err)
		}
		settled = settled && done && err == nil
	}
	return settled
}

// dropShares refuses connections to all tenants, because the process has lapsed.
func (s *Store) dropShares() {
	s.sharing.Lock()
	defer s.sharing.Unlock()
	for _, d := range s.servers.divided() {
		d.LimitConnections(0)
	}
}

// takeShare takes this process's share of one server's connections.
func (s *Store) takeShare(ctx context.Context, server string, d Divided) (settled bool, err error) {
	id, wanted := s.process.ID(), d.DemandedConnections()
	var limit, held int
	err = s.master.Update(ctx, func(tx *gorm.DB) error {
		shares, err := s.master.sharesOf(tx, server)
		if err != nil {
			return err
		}
		stored := slices.Clone(shares)
		shares, own := withOwn(shares, ConnectionShare{InstanceID: id, Server: server, Wanted: wanted, Peak: wanted})
		limit = limitOf(own, shares, d.MaxConnections(len(shares)))
		held = limit
		if limit <= own.Granted { // those above it must be closed before others get them
			if held, err = s.useShare(id, d, limit); err != nil {
				return err
			}
		}
		if share := (ConnectionShare{InstanceID: id, Server: server, Granted: held, Wanted: own.Wanted, Peak: own.Peak}); !slices.Contains(stored, share) {
			return tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&share).Error
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	_, err = s.useShare(id, d, limit)
	return held == limit && limit > 0, err
}

// withOwn returns the shares with the process's own, which is now as given apart from what was granted. What a
// process wants falls by at most a quarter at a time.
func withOwn(shares []ConnectionShare, now ConnectionShare) ([]ConnectionShare, ConnectionShare) {
	i := slices.IndexFunc(shares, func(s ConnectionShare) bool { return s.InstanceID == now.InstanceID })
	if i < 0 {
		return append(shares, now), now
	}
	stored := shares[i]
	now.Peak = max(now.Peak, stored.Peak)
	shares[i].Wanted = max(now.Wanted, stored.Wanted*3/4)
	now.Granted, now.Wanted = stored.Granted, shares[i].Wanted
	return shares, now
}

// useShare puts a granted limit in force, and returns what the engine does. Returns ErrLapsed if the process isn't
// the instance to which it was granted any more.
func (s *Store) useShare(instance string, d Divided, limit int) (held int, err error) {
	s.sharing.Lock()
	defer s.sharing.Unlock()
	if s.process.check() != nil || s.process.ID() != instance {
		return 0, ErrLapsed
	}
	return d.LimitConnections(limit), nil
}

// sharesOf locks a server's shares and returns them, after it has deleted those of dead processes. Returns
// errDividing if another process has locked them. It doesn't wait for that process, which may have been stopped.
func (m *Master) sharesOf(tx *gorm.DB, server string) (shares []ConnectionShare, err error) {
	if m.Dialect() == "postgres" {
		var locked bool
		if err := tx.Raw("SELECT pg_catalog.pg_try_advisory_xact_lock(?)", sharesKey(server)).Scan(&locked).Error; err != nil {
			return nil, err
		}
		if !locked {
			return nil, errDividing
		}
	}
	if err := tx.Order("instance_id").Find(&shares, "server = ?", server).Error; err != nil || len(shares) < 2 {
		return shares, err
	}
	living, err := m.Living(tx)
	if err != nil {
		return nil, err
	}
	ids := idsOf(living)
	isDead := func(s ConnectionShare) bool { return !slices.Contains(ids, s.InstanceID) }
	if slices.ContainsFunc(shares, isDead) {
		if err := tx.Delete(&ConnectionShare{}, "server = ? AND instance_id NOT IN ?", server, ids).Error; err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(shares, isDead), nil
}

// sharesKey returns the key of the lock on a server's shares.
func sharesKey(server string) int64 {
	h := fnv.New64a()
	_, _ = fmt.Fprint(h, "tenantry connections of ", server) // never returns an error
	return int64(h.Sum64())
}
