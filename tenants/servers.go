package tenants

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gorm.io/gorm"
)

const (
	// serverTimeout bounds the time to read the servers in the master, and to open one.
	serverTimeout = 10 * time.Second
	// The first and the longest pause between two attempts to open a server.
	firstServerPause, longestServerPause = time.Second, 30 * time.Second
	// unknownPause is the time between two looks in the master for servers that are not known.
	unknownPause = 100 * time.Millisecond
)

// servers are the servers of a store: those that the process is configured with, and those in the master. It
// is safe for concurrent use.
type servers struct {
	master     *Master
	openEngine func(ctx context.Context, server *Server) (Engine, error) // may be nil
	minFree    int64
	log        *slog.Logger
	opened     func() // called when a server was opened, which may have no connections yet

	byName atomic.Pointer[map[string]*server] // replaced, not changed
	stale  atomic.Bool                        // the master may have others

	reading  sync.Mutex // protects the replacement of byName, and lastRead
	lastRead time.Time
	mu       sync.Mutex // protects the fields below, and the servers'
	owned    []Engine   // opened by servers, which closes them
	closed   bool

	background sync.WaitGroup
}

// server is a server with its engine, once it was opened.
type server struct {
	id     string // empty for a server that the process is configured with
	engine atomic.Pointer[openEngine]
	*breaker

	row     Server
	opening chan struct{} // closed when the attempt to open it ends; nil if there is none
	failure error         // of the last attempt
	next    time.Time     // of the next attempt after a failure
	pause   time.Duration
}

// openEngine is an engine with what watches the disk of its server.
type openEngine struct {
	Engine
	disk *disk // nil if it can't be measured
}

func newServers(o Options) *servers {
	s := &servers{master: o.Master, openEngine: o.OpenServer, minFree: o.MinFree, log: o.Log}
	configured := map[string]*server{}
	for name, engine := range o.Servers {
		configured[name] = &server{breaker: newBreaker()}
		configured[name].engine.Store(s.watched(engine))
	}
	s.byName.Store(&configured)
	s.stale.Store(o.OpenServer != nil)
	return s
}

func (s *servers) watched(engine Engine) *openEngine {
	opened := &openEngine{Engine: engine}
	if measured, ok := engine.(Measured); ok {
		opened.disk = &disk{measured: measured, least: s.minFree, log: s.log}
	}
	return opened
}

// known returns the server's engine if it is open, or nil. It doesn't wait.
func (s *servers) known(name string) *openEngine {
	if of := (*s.byName.Load())[name]; of != nil {
		return of.engine.Load()
	}
	return nil
}

// breakerOf returns the server's breaker, or nil if the server isn't known.
func (s *servers) breakerOf(name string) *breaker {
	if of := (*s.byName.Load())[name]; of != nil {
		return of.breaker
	}
	return nil
}

// get returns the server's engine. It opens a server of the master at its first use.
func (s *servers) get(name string) (*openEngine, error) {
	of := (*s.byName.Load())[name]
	if of == nil {
		s.read()
		of = (*s.byName.Load())[name]
	} else if s.stale.Load() {
		s.refresh() // the server that is known is nearly always the right one
	}
	if of == nil {
		return nil, fmt.Errorf("server %q is not configured: %w", name, ErrUnavailable)
	}
	engine, err := s.open(of)
	if err != nil {
		return nil, fmt.Errorf("server %q: %w: %w", name, ErrUnavailable, err)
	}
	return engine, nil
}

// refresh is read in the background, one at a time.
func (s *servers) refresh() {
	if s.reading.TryLock() {
		s.reading.Unlock()
		s.start(s.read)
	}
}

// start runs f in the background, unless the servers are closed.
func (s *servers) start(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.background.Go(f)
	}
}

// read reads the servers in the master. While the master doesn't answer, those that are known stay.
func (s *servers) read() {
	if s.openEngine == nil {
		return
	}
	s.reading.Lock()
	defer s.reading.Unlock()
	if !s.stale.Swap(false) && time.Since(s.lastRead) < unknownPause {
		return // another goroutine has just read them
	}
	s.lastRead = time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), serverTimeout)
	defer cancel()
	var rows []Server
	err := s.master.View(ctx, func(tx *gorm.DB) error { return tx.Where("url IS NOT NULL").Find(&rows).Error })
	if err != nil {
		s.stale.Store(true)
		s.log.Warn("read the servers in the master", "error", err)
		return
	}
	before, now := *s.byName.Load(), map[string]*server{}
	for name, of := range before {
		if of.id == "" {
			now[name] = of
		}
	}
	for _, row := range rows {
		if of := before[row.Name]; of != nil && of.id == row.ID {
			now[row.Name] = of
		} else if of == nil || of.id != "" {
			now[row.Name] = &server{id: row.ID, row: row, breaker: newBreaker()}
		}
	}
	s.byName.Store(&now)
}

// open returns the engine of a server. It waits for the first attempt to open it. After a failed one it
// returns the error at once, and tries again in the background when that is due.
func (s *servers) open(of *server) (*openEngine, error) {
	if engine := of.engine.Load(); engine != nil {
		return engine, nil
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, errStoreClosed
	}
	if of.engine.Load() == nil && of.opening == nil && !time.Now().Before(of.next) {
		of.opening = make(chan struct{})
		s.background.Go(func() { s.try(of) })
	}
	opening, failure := of.opening, of.failure
	s.mu.Unlock()
	if failure != nil {
		return nil, failure
	}
	if opening != nil {
		<-opening
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if engine := of.engine.Load(); engine != nil {
		return engine, nil
	}
	return nil, of.failure
}

// try tries to open a server. When opening is closed, the result is there.
func (s *servers) try(of *server) {
	ctx, cancel := context.WithTimeout(context.Background(), serverTimeout)
	defer cancel()
	engine, err := s.openEngine(ctx, &of.row)
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() { close(of.opening); of.opening = nil }()
	if err == nil && s.closed {
		err = errors.Join(errStoreClosed, engine.Close())
	}
	if err != nil {
		of.failure, of.pause = err, min(max(2*of.pause, firstServerPause), longestServerPause)
		of.next = time.Now().Add(of.pause)
		s.log.Warn("open server", "server", of.row.Name, "error", err)
		return
	}
	of.failure, of.pause = nil, 0
	s.owned = append(s.owned, engine)
	if d, ok := engine.(Divided); ok {
		d.LimitConnections(0)
	}
	of.engine.Store(s.watched(engine))
	s.opened()
}

// divided returns the open engines whose connections are divided, by their servers' names.
func (s *servers) divided() map[string]Divided {
	all := map[string]Divided{}
	for name, of := range *s.byName.Load() {
		if engine := of.engine.Load(); engine != nil {
			if d, ok := engine.Engine.(Divided); ok {
				all[name] = d
			}
		}
	}
	return all
}

// errStoreClosed means that the store was closed while a server was being opened.
var errStoreClosed = errors.New("the store is closed")

// names returns the names of all servers, sorted.
func (s *servers) names() []string {
	if s.stale.Load() {
		s.read()
	}
	return slices.Sorted(maps.Keys(*s.byName.Load()))
}

// close closes the engines of the servers in the master.
func (s *servers) close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.background.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, engine := range s.owned {
		errs = append(errs, engine.Close())
	}
	s.owned = nil
	return errors.Join(errs...)
}
