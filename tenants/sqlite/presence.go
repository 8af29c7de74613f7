package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"gorm.io/gorm"

	"tenantry/tenants"
)

const (
	// instancesDir is beside the master. Each instance has a file there.
	instancesDir = "instances"
	lockEnding   = ".lock"
)

// presence has each instance hold a lock on a file of its own. The kernel frees
// the lock when the process ends, however that happens, and not while it is
// stopped or the machine sleeps.
type presence struct {
	dir string

	mu   sync.Mutex      // guards held
	held map[string]bool // the ids whose locks this process holds
}

var _ tenants.Presence = (*presence)(nil)

// newPresence is that of instances whose master is in the folder.
func newPresence(dir string) *presence {
	return &presence{dir: filepath.Join(dir, instancesDir), held: map[string]bool{}}
}

// instancePattern is what an instance is called. Its file's name is made of that.
var instancePattern = regexp.MustCompile(`^[0-9a-z]{26}$`)

func (p *presence) path(id string) string { return filepath.Join(p.dir, id+lockEnding) }

// Enter makes and locks the instance's file, again when another process swept
// it away before it was locked.
func (p *presence) Enter(_ context.Context, id string) (tenants.Mark, error) {
	for {
		mark, err := p.enter(id)
		if !errors.Is(err, tenants.ErrMarkLost) {
			return mark, err
		}
	}
}

func (p *presence) enter(id string) (tenants.Mark, error) {
	if !instancePattern.MatchString(id) {
		return nil, fmt.Errorf("lock of instance %q: this is no id", id)
	}
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make folder of locks: %w", fileError(err))
	}
	f, err := os.OpenFile(p.path(id), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make lock: %w", fileError(err))
	}
	m := &fileMark{presence: p, id: id, file: f}
	if err := lockFile(f); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", f.Name(), fileError(err)), m.Release())
	}
	if err := m.Renew(context.Background()); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", f.Name(), err), m.Release())
	}
	p.hold(id, true)
	return m, nil
}

func (p *presence) hold(id string, held bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if held {
		p.held[id] = true
	} else {
		delete(p.held, id)
	}
}

func (p *presence) holds(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.held[id]
}

// Standing tries the instance's lock. One without a file may be of an older
// version, or its file was removed by hand.
func (p *presence) Standing(_ *gorm.DB, id string) (tenants.Standing, error) {
	if p.holds(id) {
		return tenants.Alive, nil
	}
	if !hasFlock || !instancePattern.MatchString(id) {
		return tenants.Silent, nil
	}
	f, err := os.Open(p.path(id))
	if errors.Is(err, fs.ErrNotExist) {
		return tenants.Silent, nil
	}
	if err != nil {
		return tenants.Silent, fmt.Errorf("look at lock: %w", fileError(err))
	}
	defer f.Close()
	switch free, err := isFree(f); {
	case err != nil:
		return tenants.Silent, fmt.Errorf("try lock %s: %w", f.Name(), fileError(err))
	case free:
		return tenants.Dead, nil
	}
	return tenants.Alive, nil
}

// Sweep removes the files that no process has locked.
func (p *presence) Sweep(keep []string) error {
	entries, err := os.ReadDir(p.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for old locks: %w", fileError(err))
	}
	kept := map[string]bool{}
	for _, id := range keep {
		kept[id] = true
	}
	for _, entry := range entries {
		id, ok := strings.CutSuffix(entry.Name(), lockEnding)
		if !ok || kept[id] {
			continue
		}
		if standing, err := p.Standing(nil, id); err != nil || standing != tenants.Dead {
			continue // it may be removed another time
		}
		if err := os.Remove(p.path(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove an old lock: %w", fileError(err))
		}
	}
	return nil
}

// fileMark is a locked file.
type fileMark struct {
	presence *presence
	id       string
	file     *os.File
}

// Renew returns ErrMarkLost unless the file is still where others look for it.
func (m *fileMark) Renew(context.Context) error {
	there, err := os.Lstat(m.file.Name())
	if errors.Is(err, fs.ErrNotExist) {
		return tenants.ErrMarkLost
	}
	if err != nil {
		return fmt.Errorf("look at lock: %w", fileError(err))
	}
	own, err := m.file.Stat()
	if err != nil {
		return fmt.Errorf("look at lock: %w", fileError(err))
	}
	if !os.SameFile(there, own) {
		return tenants.ErrMarkLost
	}
	return nil
}

// Release removes the file, unless it is no longer this one, and frees the lock.
func (m *fileMark) Release() error {
	var removed error
	if m.Renew(context.Background()) == nil {
		removed = os.Remove(m.file.Name())
	}
	m.presence.hold(m.id, false)
	return errors.Join(removed, m.file.Close())
}
