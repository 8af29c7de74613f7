package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"tenantry/handlers/account"
	"tenantry/tenants"
	"tenantry/tenants/fleet"
	"tenantry/tenants/jobs"
)

// Listening are the addresses that a running App has.
type Listening struct {
	Public, Operator net.Addr
}

const (
	// maxHeaderBytes bounds a request's head, which is read before
	// authentication; the reply to a longer one is 431. net/http adds 4 KiB.
	maxHeaderBytes = 16 << 10
	// maxOperatorBody bounds a request's body on the operator's listener.
	maxOperatorBody = 64 << 10
	// drainTimeout is how long running requests may take after the process is
	// asked to stop.
	drainTimeout = 30 * time.Second
)

// Run listens, calls started, and serves until ctx ends. Meanwhile it resumes
// operations that other processes left unfinished, and does the work that is
// due. After ctx ends it accepts no more requests, and returns nil when the
// running ones are finished. Requests that take longer than 30 seconds are cut
// off and rolled back.
func (a *App) Run(ctx context.Context, started func(Listening) error) error {
	a.store.MigrateLazily(a.settings.migratesLazily, a.manager.MigrateLazily)
	a.warnVersions(ctx)
	token, err := a.operatorToken()
	if err != nil {
		return err
	}
	public, err := listen(ctx, "addr", a.settings.addr)
	if err != nil {
		return err
	}
	operator, err := listen(ctx, "operator-addr", a.settings.operator)
	if err != nil {
		return errors.Join(err, public.Close())
	}
	files := a.settings.files
	a.log.InfoContext(ctx, "what this process carries", "capacity", files)
	return a.serve(ctx, token,
		newDoor(public, files.clients, files.addressShare(), spareClients, a.settings.proxies, a.log),
		newDoor(operator, files.operators, files.operators, spareOperators, nil, a.log), started)
}

// warnVersions tells of tenants whose schema version this build can't serve.
func (a *App) warnVersions(ctx context.Context) {
	standings, err := fleet.Status(ctx, a.store)
	if err != nil {
		a.log.WarnContext(ctx, "read schema versions", "error", err)
	}
	for _, s := range standings {
		engine, err := a.store.Server(s.Server)
		if err == nil && s.SchemaVersion < s.Target && a.settings.migratesLazily(engine.Dialect()) {
			continue
		}
		if err != nil || !errors.Is(a.store.CheckServable(ctx, engine, s.SchemaVersion), tenants.ErrSchemaVersion) {
			continue
		}
		problem := "tenants are not served: they are behind the schema; run: tenantry migrate up"
		if s.SchemaVersion > s.Target {
			problem = "tenants are not served: a newer build has migrated them; run that one"
		}
		a.log.WarnContext(ctx, problem,
			"server", s.Server, "tenants", s.Tenants, "schema_version", s.SchemaVersion, "target", s.Target)
	}
}

// listen opens a setting's address.
func listen(ctx context.Context, flag, addr string) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%w; stop what listens there, or choose another address with %s", err, name(flag))
	case err != nil:
		return nil, fmt.Errorf("%w; choose another address with %s", err, name(flag))
	}
	return l, nil
}

// serve runs both servers on their listeners, which it closes.
func (a *App) serve(ctx context.Context, token string, public, operator *door, started func(Listening) error) error {
	ctx, stop := context.WithCancel(ctx)
	var tending sync.WaitGroup
	defer a.flushBackups(context.WithoutCancel(ctx))
	defer tending.Wait()
	defer stop()
	addr := public.Addr().String()
	a.listening.Store(&addr)
	if err := a.store.Process().Announce(ctx, addr); err != nil {
		a.log.WarnContext(ctx, "tell other processes that this one serves tenants", "error", err)
	}
	if err := a.beginWebhooks(ctx); err != nil {
		a.log.WarnContext(ctx, "begin with webhooks", "error", err)
	}
	tending.Go(func() { a.runWebhooks(ctx) })
	accounts := a.accounts()
	tending.Go(func() { a.tend(ctx, accounts) })
	tending.Go(func() { a.tell(ctx) })
	a.runBackups(ctx, &tending)
	tending.Go(func() { a.files.Run(ctx) })
	if a.options.Jobs != nil {
		tending.Go(func() { jobs.New(a.store, a.jobs(accounts), jobs.Config{Log: a.log, Counts: &a.jobCounts}).Run(ctx) })
	}
	if a.options.MasterJobs != nil {
		tending.Go(func() {
			jobs.New(a.store, a.options.MasterJobs, jobs.Config{Log: a.log, Counts: &a.jobCounts}).RunInMaster(ctx)
		})
	}
	servers := [...]*http.Server{
		newServer(a.publicRouter(accounts), public, a.log),
		newServer(a.operatorHandler(ctx, token, accounts), operator, a.log),
	}
	ended := make(chan error, len(servers))
	for i, listener := range [...]*door{public, operator} {
		go func() { ended <- servers[i].Serve(listener) }()
	}
	err := started(Listening{public.Addr(), operator.Addr()})
	if err == nil {
		select {
		case <-ctx.Done():
		case err = <-ended:
			err = fmt.Errorf("serve: %w", err)
		}
	}
	a.stop(servers[:])
	a.tellLast()
	return err
}

// tend does what is due, at once and then as often as a process can have died
// meanwhile.
func (a *App) tend(ctx context.Context, accounts *account.Accounts) {
	ticker := time.NewTicker(min(a.settings.instanceTTL, time.Minute))
	defer ticker.Stop()
	for {
		if err := a.manager.Tend(ctx); err != nil && ctx.Err() == nil {
			a.log.ErrorContext(ctx, "tend tenants", "error", err)
		}
		if err := a.enlist(ctx); err != nil && ctx.Err() == nil {
			a.log.ErrorContext(ctx, "begin with webhooks", "error", err)
		}
		if err := accounts.TellEnds(ctx); err != nil && ctx.Err() == nil {
			a.log.ErrorContext(ctx, "tell tenants of visits", "error", err)
		}
		if err := a.clearScratch(); err != nil {
			a.log.ErrorContext(ctx, "remove what restores have left", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// stop stops the servers one after another, so that the operator's can still
// report on the public one as it ends.
func (a *App) stop(servers []*http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), a.options.Drain)
	defer cancel()
	a.log.Info("stopping", "at_most", a.options.Drain.String())
	for _, server := range servers {
		if err := server.Shutdown(ctx); err != nil {
			a.log.Warn("requests were cut off", "error", err)
			_ = server.Close() // the listener is closed already
		}
	}
}

// newServer serves the clients of a door. The times that a body and a reply may
// take are watchBodies' and the client's: net/http has only fixed ones.
func newServer(handler http.Handler, door *door, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:                      refuseSurplus(watchBodies(handler)),
		ReadHeaderTimeout:            readHeaderTimeout,
		IdleTimeout:                  idleTimeout,
		MaxHeaderBytes:               maxHeaderBytes,
		ConnState:                    door.follow,
		ConnContext:                  knowClient,
		DisableGeneralOptionsHandler: true, // it would answer OPTIONS * on any host
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}
