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
	// instancesDir is a folder beside the master. Each instance has a file in it.
	instancesDir = "instances"
	lockEnding   = ".lock"
)

// presence keeps a lock on a file for each instance. The kernel releases the lock when the process
// ends, in whatever way, but not while it is stopped or the machine sleeps.
type presence struct {
	dir string

	mu   sync.Mutex      // protects held
	held map[string]bool // the ids whose locks this process holds
}

var _ tenants.Presence = (*presence)(nil)

// newPresence returns the presence of instances whose master is in the folder dir.
func newPresence(dir string) *presence {
	return &presence{dir: filepath.Join(dir, instancesDir), held: map[string]bool{}}
}

// instancePattern matches the ids of instances, from which the files' names are made.
var instancePattern = regexp.MustCompile(`^[0-9a-z]{26}$`)

func (p *presence) path(id string) string { return filepath.Join(p.dir, id+lockEnding) }

// Enter creates and locks the instance's file. It tries again if another process swept the file away
// before it was locked.
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

// Standing tries the instance's lock. If the file is missing, the instance may be of an older version,
// or somebody removed the file.
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
		return tenants.Silent, fmt.Errorf("open lock: %w", fileError(err))
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
		return fmt.Errorf("list locks: %w", fileError(err))
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
			continue // a later Sweep can remove it
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

// Renew returns ErrMarkLost if the file is no longer at its path.
func (m *fileMark) Renew(context.Context) error {
	exists, err := os.Lstat(m.file.Name())
	if errors.Is(err, fs.ErrNotExist) {
		return tenants.ErrMarkLost
	}
	if err != nil {
		return fmt.Errorf("stat lock: %w", fileError(err))
	}
	own, err := m.file.Stat()
	if err != nil {
		return fmt.Errorf("stat lock: %w", fileError(err))
	}
	if !os.SameFile(exists, own) {
		return tenants.ErrMarkLost
	}
	return nil
}

// Release removes the file, unless another one is at its path, and releases the lock.
func (m *fileMark) Release() error {
	var removed error
	if m.Renew(context.Background()) == nil {
		removed = os.Remove(m.file.Name())
	}
	m.presence.hold(m.id, false)
	return errors.Join(removed, m.file.Close())
}
