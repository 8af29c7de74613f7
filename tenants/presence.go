package tenants

import (
	"context"
	"errors"
	"slices"
	"time"

	"gorm.io/gorm"
)

// Presence is how processes with one master show each other that they live:
// each instance holds a mark that ends with its process. It is safe for
// concurrent use.
type Presence interface {
	// Enter takes the mark of an instance.
	Enter(ctx context.Context, id string) (Mark, error)
	// Standing looks at the mark of an instance. tx is of a scope on the master.
	Standing(tx *gorm.DB, id string) (Standing, error)
	// Sweep removes what is left of instances that ended, unless it is of one of
	// those to keep.
	Sweep(keep []string) error
}

// Mark is what an instance holds as long as it lives.
type Mark interface {
	// Renew verifies that the mark is held, or takes it again. ErrMarkLost says
	// that others may have seen that it was not.
	Renew(ctx context.Context) error
	// Release gives the mark up. It is called once.
	Release() error
}

// ErrMarkLost: an instance's mark was taken away, and others may count the
// instance dead.
var ErrMarkLost = errors.New("the mark of this process was removed")

// Standing is what the mark of an instance tells.
type Standing int

const (
	// Silent: the mark is not held. The instance has ended, or was cut off from
	// the master and doesn't know that yet.
	Silent Standing = iota
	// Alive: the mark is held.
	Alive
	// Dead: the process has ended.
	Dead
)

// commitMargin is longer than a COMMIT takes once a scope has decided on it.
const commitMargin = CommitTime + 5*time.Second

// silence is how long an instance has been Silent, without a heartbeat.
type silence struct {
	heartbeat time.Time
	since     time.Time // with Go's monotonic clock
}

// Living returns the instances that may still use tenants, by age. Others wait
// for them, and take nothing over from them. tx is of a scope on the master.
//
// An instance is counted dead at once when its mark says that its process has
// ended. An instance whose mark is merely not held is counted dead after this
// process has seen no heartbeat of it for its TTL and commitMargin. By then it
// stores nothing any more: it begins nothing, and decides on no commit, from
// three quarters of its TTL after the beginning of its last heartbeat, and a
// commit that it had decided on has ended within commitMargin.
//
// No times of different clocks are compared: a heartbeat's time only has to
// change, and durations are measured by clocks that can't be set.
// A process that is stopped keeps its mark, and is waited for.
func (m *Master) Living(tx *gorm.DB) ([]Instance, error) {
	var all, living []Instance
	if err := tx.Session(&gorm.Session{NewDB: true}).Order("id").Find(&all).Error; err != nil {
		return nil, err
	}
	for i := range all {
		standing, err := m.presence.Standing(tx, all[i].ID)
		if err != nil {
			return nil, err
		}
		if standing != Dead && !m.isSilent(&all[i], standing) {
			living = append(living, all[i])
		}
	}
	return living, nil
}

// isSilent says whether the instance has been silent for as long as it takes.
func (m *Master) isSilent(i *Instance, standing Standing) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if standing == Alive {
		delete(m.silences, i.ID)
		return false
	}
	s, watched := m.silences[i.ID]
	if !watched || !s.heartbeat.Equal(i.ExpiresAt) {
		m.silences[i.ID] = silence{i.ExpiresAt, time.Now()}
		return false
	}
	ttl := i.TTL
	if ttl == 0 { // written by an older version
		ttl = DefaultInstanceTTL
	}
	return time.Since(s.since) > ttl+commitMargin
}

// ClearDead deletes the rows of dead instances, and what is left of their marks.
func (m *Master) ClearDead(ctx context.Context) error {
	var ids []string
	err := m.Update(ctx, func(tx *gorm.DB) error {
		var all []string
		if err := tx.Model(&Instance{}).Pluck("id", &all).Error; err != nil {
			return err
		}
		living, err := m.Living(tx)
		if err != nil {
			return err
		}
		ids = idsOf(living)
		dead := slices.DeleteFunc(all, func(id string) bool { return slices.Contains(ids, id) })
		if len(dead) == 0 {
			return nil
		}
		return tx.Delete(&Instance{}, "id IN ?", dead).Error
	})
	if err != nil {
		return err
	}
	m.forget(ids)
	return m.presence.Sweep(ids)
}

// forget ends the watch of instances but those that live.
func (m *Master) forget(living []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id := range m.silences {
		if !slices.Contains(living, id) {
			delete(m.silences, id)
		}
	}
}

func idsOf(instances []Instance) []string {
	ids := make([]string, len(instances))
	for i := range instances {
		ids[i] = instances[i].ID
	}
	return ids
}
