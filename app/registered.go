package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/oklog/ulid/v2"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/postgres"
	"tenantry/tenants/sqlite"
)

// AddServer opens a server, so that it is known to work, and stores it in the master with its URL sealed.
// Returns lifecycle.ErrServerURL, tenants.ErrUnavailable, or the errors of lifecycle.Manager's AddServer.
func (a *App) AddServer(ctx context.Context, s tenants.Server, url string) error {
	url, err := describe(&s, url)
	if err != nil {
		return err
	}
	if err := a.expectAnother(ctx, &s, url); err != nil {
		return fmt.Errorf("server %q: %w", s.Name, err)
	}
	engine, err := a.openServer(ctx, &s, url)
	if err != nil {
		return fmt.Errorf("server %q: %w", s.Name, err)
	}
	if pooled, ok := engine.(*postgres.Engine); ok && s.Pooler != "" {
		if err = pooled.TryPooler(ctx); err != nil {
			err = fmt.Errorf("server %q: %w", s.Name, err)
		}
	}
	if err == nil {
		s.URL, err = a.keys.Seal(s.SealID(), []byte(url))
	}
	if err == nil {
		err = a.manager.AddServer(ctx, s, engine)
	}
	return errors.Join(err, engine.Close())
}

// describe fills in what follows from a new server's URL, and returns the URL with an absolute path. Returns
// lifecycle.ErrServerURL or a *tenants.ServerError.
func describe(s *tenants.Server, url string) (string, error) {
	if err := s.Validate(); err != nil {
		return "", err
	}
	url, err := absoluteURL(url)
	if err != nil {
		return "", err
	}
	s.ID, s.Address, s.Dialect = strings.ToLower(ulid.Make().String()), describeServer(url), sqlite.Dialect
	if !strings.HasPrefix(url, "sqlite:") {
		s.Dialect, s.Placement = postgres.Dialect, cmp.Or(s.Placement, tenants.PlacementDatabase)
	}
	if s.Pooler, err = poolerURL(s.Pooler); err != nil {
		return "", err
	}
	return url, s.Validate()
}

// poolerURL returns the URL of a pooler, or "" for none. Returns a *tenants.ServerError if it can't be used.
func poolerURL(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	url, err := postgres.PoolerURL(text)
	if err != nil {
		return "", &tenants.ServerError{Field: "pooler", Rule: err.Error()}
	}
	return url, nil
}

// ChangeServer changes a server as lifecycle.Manager's ChangeServer does. A pooler may be written as HOST:PORT/DATABASE, and is
// tried first; the empty one is none. Returns also tenants.ErrUnavailable if the pooler can't be used.
func (a *App) ChangeServer(ctx context.Context, name string, change lifecycle.ServerChange) error {
	if change.Pooler != nil {
		pooler, err := a.checkPooler(ctx, name, *change.Pooler)
		if err != nil {
			return fmt.Errorf("server %q: %w", name, err)
		}
		change.Pooler = &pooler
	}
	return a.manager.ChangeServer(ctx, name, change)
}

// checkPooler returns the URL of a pooler with which the server can be used, or "" for none.
func (a *App) checkPooler(ctx context.Context, name, text string) (string, error) {
	known, err := a.manager.GetServer(ctx, name)
	if err != nil {
		return "", err
	}
	row := known.Server
	if row.Pooler, err = poolerURL(text); err != nil {
		return "", err
	}
	if err = row.Validate(); err == nil && row.Pooler != "" {
		err = a.tryPooler(ctx, &row)
	}
	return row.Pooler, err
}

func (a *App) tryPooler(ctx context.Context, s *tenants.Server) error {
	engine, err := a.openRegistered(ctx, s)
	if err != nil {
		return err
	}
	if pooled, ok := engine.(*postgres.Engine); ok {
		err = pooled.TryPooler(ctx)
	}
	return errors.Join(err, engine.Close())
}

// expectAnother returns lifecycle.ErrServerExists if a server has the name, before its folder is made, and
// lifecycle.ErrSameServer if the URL of another server names the same database, also if that
// server doesn't answer. lifecycle.Manager's AddServer compares those that answer, whatever their names. For placement in
// schemas this is done here, before anything is changed in what may be the master's database.
func (a *App) expectAnother(ctx context.Context, s *tenants.Server, url string) error {
	all, err := a.manager.Servers(ctx)
	if err != nil {
		return err
	}
	for i := range all {
		if all[i].Name == s.Name {
			return lifecycle.ErrServerExists
		}
		known := []byte(a.settings.postgresURL)
		if all[i].URL != nil {
			if known, err = a.keys.Open(all[i].SealID(), all[i].URL); err != nil {
				continue // doctor tells of it
			}
		}
		if postgres.SameDatabase(url, string(known)) {
			return sameServer(s, fmt.Errorf("%w: %s", lifecycle.ErrSameServer, all[i].Name))
		}
	}
	if s.Placement != tenants.PlacementSchema {
		return nil
	}
	identity, err := postgres.Identity(ctx, url)
	if err == nil {
		err = a.manager.ExpectOther(ctx, postgres.Dialect, identity)
	}
	return sameServer(s, asServerURL(err))
}

// sameServer returns err, with what to do if it is lifecycle.ErrSameServer about a server with tenants in schemas.
func sameServer(s *tenants.Server, err error) error {
	if s.Placement == tenants.PlacementSchema && errors.Is(err, lifecycle.ErrSameServer) {
		return fmt.Errorf("%w; tenants' schemas need a database of their own: name another database of that server in the URL", err)
	}
	return err
}

// absoluteURL makes a folder's path absolute, because processes have different working folders.
func absoluteURL(url string) (string, error) {
	dir, isFolder := strings.CutPrefix(url, "sqlite:")
	if !isFolder {
		if _, isPostgres := strings.CutPrefix(url, "postgres"); !isPostgres {
			return "", lifecycle.ErrServerURL
		}
		return url, nil
	}
	if dir == "" || strings.ContainsAny(dir, "?#%\x00") || strings.HasPrefix(dir, "//") || strings.HasPrefix(dir, ":") {
		return "", lifecycle.ErrServerURL
	}
	dir, err := filepath.Abs(dir)
	if len(dir) > longestFolder {
		return "", fmt.Errorf("%w: the folder's path has more than %d bytes", lifecycle.ErrServerURL, longestFolder)
	}
	return "sqlite:" + dir, err
}

// describeServer says where a server is, without secrets.
func describeServer(url string) string {
	if strings.HasPrefix(url, "sqlite:") {
		return url
	}
	return postgres.DescribeURL(url)
}

// openRegistered opens a server of the master.
func (a *App) openRegistered(ctx context.Context, s *tenants.Server) (tenants.Engine, error) {
	url, err := a.keys.Open(s.SealID(), s.URL)
	if err != nil {
		return nil, fmt.Errorf("its URL can't be read: %w", err)
	}
	if dir, ok := strings.CutPrefix(string(url), "sqlite:"); ok {
		if _, err := os.Stat(dir); err != nil { // a folder that isn't mounted must not be made anew
			return nil, fmt.Errorf("its folder can't be opened: %w", err)
		}
	}
	return a.openServer(ctx, s, string(url))
}

// openServer opens an engine on a folder or a Postgres server.
func (a *App) openServer(ctx context.Context, s *tenants.Server, url string) (tenants.Engine, error) {
	if dir, ok := strings.CutPrefix(url, "sqlite:"); ok {
		return a.openFolder(dir)
	}
	installation, err := a.master.Installation(ctx)
	if err != nil {
		return nil, err
	}
	engine, err := postgres.New(ctx, postgres.Config{
		Installation: installation, URL: url, Schema: a.options.Schema, Keys: a.keys, MaxConns: int(s.Connections), Placement: s.Placement, Pooler: s.Pooler, Log: a.log,
	})
	return engine, asServerURL(err)
}

// asServerURL returns err, or lifecycle.ErrServerURL if it is about a URL that can't be used.
func asServerURL(err error) error {
	var bad *postgres.URLError
	if errors.As(err, &bad) {
		return fmt.Errorf("%w: %s", lifecycle.ErrServerURL, bad.Reason)
	}
	return err
}
