package tenants

import (
	"context"
	"errors"
	"slices"
	"time"

	"gorm.io/gorm"
)

// Presence shows the processes with one master which of them are alive: each instance holds a mark,
// which ends with its process. It is safe for concurrent use.
type Presence interface {
	// Enter takes a mark for an instance.
	Enter(ctx context.Context, id string) (Mark, error)
	// Standing returns the state of an instance's mark. tx belongs to a scope on the master.
	Standing(tx *gorm.DB, id string) (Standing, error)
	// Sweep removes what ended instances left behind, except for those to keep.
	Sweep(keep []string) error
}

// Mark is what an instance holds while it is alive.
type Mark interface {
	// Renew verifies that the mark is held, or takes it again. Returns ErrMarkLost if others may have
	// seen that it was not held.
	Renew(ctx context.Context) error
	// Release gives up the mark. It must be called only once.
	Release() error
}

// ErrMarkLost means that an instance's mark was taken away, so that others may count it as dead.
var ErrMarkLost = errors.New("the mark of this process was removed")

// Standing is the state of an instance's mark.
type Standing int

const (
	// Silent means that the mark is not held. The instance has ended, or it lost its connection to
	// the master and has not noticed yet.
	Silent Standing = iota
	// Alive means that the mark is held.
	Alive
	// Dead means that the process has ended.
	Dead
)

// commitMargin is longer than any COMMIT takes once a scope has decided to commit.
const commitMargin = CommitTime + 5*time.Second

// silence records since when an instance has been Silent without a heartbeat.
type silence struct {
	heartbeat time.Time
	since     time.Time // read from Go's monotonic clock
}

// Living returns the instances that may still use tenants, oldest first. Other processes wait for
// them and take over none of their operations. tx belongs to a scope on the master.
//
// An instance is dead at once if its mark shows that its process has ended, or its mark is not held and its origin shows
// that. Another instance whose mark is not held is dead once this process has seen no heartbeat from it for its TTL plus
// commitMargin. By then it stores nothing any more: it begins no scope and decides on no commit
// later than three quarters of its TTL after its last heartbeat began, and a commit on which it had
// decided has ended within commitMargin.
//
// Living compares no times of different clocks: a heartbeat's time only has to change, and durations
// are measured by clocks that can't be set. A stopped process keeps its mark, so others wait for it.
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
		if standing == Silent && hasEnded(all[i].Origin) {
			standing = Dead
		}
		if standing != Dead && !m.isSilent(&all[i], standing) {
			living = append(living, all[i])
		}
	}
	return living, nil
}

// isSilent reports whether the instance has been silent long enough to be dead.
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
	if ttl == 0 { // the row was written by an older version
		ttl = DefaultInstanceTTL
	}
	return time.Since(s.since) > ttl+commitMargin
}

// ClearDead deletes the rows of dead instances and what is left of their marks.
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

// forget drops the silences of all instances except the living ones.
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
