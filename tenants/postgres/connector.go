package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"

	"tenantry/tenants"
)

const (
	// connectTimeout limits dialling and signing in.
	connectTimeout = 10 * time.Second
	// doubtedTimeout is connectTimeout while it is doubtful whether the server can be reached.
	doubtedTimeout = 4 * time.Second
	// idleTime is how long an unused connection stays open.
	idleTime = 5 * time.Second
	// lingerTime limits the wait for the server to close its side.
	lingerTime = time.Second
)

// connector opens connections to one database of a server. They count against the share's budget, if
// it has one.
type connector struct {
	server   *server
	database string
	share    *share
	scoped   bool // the connections are for scopes
	lent     bool // they are lent to tenants that share them
}

var (
	_ driver.Connector = connector{}
	_ io.Closer        = connector{}
)

// schema returns the schema in which the connections look for tables.
func (c connector) schema() string { return c.server.RuntimeParams["search_path"] }

// Connect waits for a place in the budget, then connects. Returns ErrBusy if ctx's deadline passes before
// there is a place.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	if c.share == nil {
		return dialPatiently(ctx, c.dial)
	}
	begin := time.Now()
	if err := c.share.acquire(ctx); err != nil {
		return nil, err
	}
	start := time.Now()
	dialled, err := c.dial(ctx)
	if err != nil {
		c.share.abandon()
		if waited := start.Sub(begin); waited > time.Since(start) && isDue(ctx, err) {
			return nil, c.share.late(ctx) // for the wait: the server may be well
		}
		if ctx.Err() == nil && isSilent(err) {
			err = fmt.Errorf("%w: %w", tenants.ErrServerDown, err)
		}
		return nil, err
	}
	c.share.connected(time.Since(start))
	now := c.share.budget.now()
	c.share.dialled.Store(now)
	return &countedConn{conn: dialled, share: c.share, class: c.share.class, dialled: now}, nil
}

// isDue reports whether a connect failed with err because ctx's deadline has passed, or is so near that the
// connect gave up. A refusal by the server, or a cancelled context, is another reason.
func isDue(ctx context.Context, err error) bool {
	deadline, ok := ctx.Deadline()
	return ok && time.Until(deadline) < 100*time.Millisecond && stateOf(err) == "" && !errors.Is(err, context.Canceled)
}

func (c connector) dial(ctx context.Context) (*conn, error) {
	return dialHosts(ctx, c.server, c.dialHost)
}

func (c connector) dialHost(ctx context.Context, config *pgx.ConnConfig) (*conn, error) {
	failovers := c.server.hosts.failovers.Load()
	config.Database = c.database
	if dial := config.DialFunc; c.scoped {
		config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return c.server.hosts.watch.dialed(conn, network, address), nil
		}
	}
	made := &conn{scoped: c.scoped, hosts: c.server.hosts, failovers: failovers}
	if c.lent {
		made.tags = &tags{}
		config.Tracer = made.tags
	}
	opened, err := stdlib.GetConnector(*config, stdlib.OptionAfterConnect(inUTC)).Connect(ctx)
	if err != nil {
		return nil, err
	}
	dialled, ok := opened.(*stdlib.Conn)
	if !ok {
		return nil, fmt.Errorf("driver's %T can't be used", opened)
	}
	made.Conn = dialled
	return made, nil
}

// inUTC makes the connection read times in UTC instead of the machine's zone, as SQLite does.
func inUTC(_ context.Context, conn *pgx.Conn) error {
	conn.TypeMap().RegisterType(&pgtype.Type{
		Name: "timestamptz", OID: pgtype.TimestamptzOID,
		Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
	})
	return nil
}

// Driver returns pgx's driver.
func (c connector) Driver() driver.Driver { return stdlib.GetDefaultDriver() }

// Close is called by database/sql when the pool is closed.
func (c connector) Close() error {
	if c.share != nil {
		c.share.closed()
	}
	return nil
}

// conn is pgx's connection, except that a BEGIN on a connection that the server has cut is tried again
// on another one, and that its transactions are of type transaction.
type conn struct {
	*stdlib.Conn
	scoped bool          // as in connector
	dirty  bool          // a scope may have left state in the session
	reads  bool          // the transaction is read-only
	reset  time.Time     // when the pool last handed it out again
	limit  time.Duration // of a statement, 0 for the server's own

	role, space string // of the transaction, in a shared database: the tenant's role and its schema
	tags        *tags  // in a shared database; else nil

	hosts     *hosts
	failovers int64 // of the hosts when this was dialled
}

var (
	_ driver.SessionResetter    = (*conn)(nil)
	_ driver.Pinger             = (*conn)(nil)
	_ driver.ConnBeginTx        = (*conn)(nil)
	_ driver.ExecerContext      = (*conn)(nil)
	_ driver.QueryerContext     = (*conn)(nil)
	_ driver.ConnPrepareContext = (*conn)(nil)
	_ driver.NamedValueChecker  = (*conn)(nil)
	_ driver.Validator          = (*conn)(nil)
	_ driver.Validator          = (*countedConn)(nil)
)

// BeginTx begins a transaction. It returns ErrBadConn for a broken connection, which makes database/sql
// try again, finally on a new connection. Nothing can be lost before a transaction. A connection on which the server
// is silent for answerTime is broken, too: it was used a moment ago, and ResetSession didn't ask.
func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	tx, err := c.begin(ctx, opts)
	if ctx.Err() == nil && errors.Is(translate(err), tenants.ErrUnavailable) {
		return nil, driver.ErrBadConn
	}
	if err != nil {
		return nil, err
	}
	c.reads = opts.ReadOnly
	return transaction{c, tx}, nil
}

func (c *conn) begin(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	limited, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	var tx driver.Tx
	err := error(nil)
	if c.role != "" {
		err = c.beginRole(limited, opts)
	} else if err = c.limitStatements(limited); err == nil {
		tx, err = c.Conn.BeginTx(limited, opts)
	}
	if err != nil && c.isSilent(ctx, limited) {
		return nil, driver.ErrBadConn
	}
	return tx, err
}

// isSilent reports whether a question failed because its time, limited, is over, and ctx isn't. The server is doubted
// then.
func (c *conn) isSilent(ctx, limited context.Context) bool {
	if limited.Err() == nil || ctx.Err() != nil {
		return false
	}
	c.hosts.doubted.Store(true)
	return true
}

const (
	// answerTime limits a question that each server answers at once: BEGIN, and whether a connection works that was unused
	// for a second. A proxy or a network may have swallowed the connection.
	answerTime = 2 * time.Second
	// doubtedTime is answerTime while it is doubtful whether the server can be reached.
	doubtedTime = time.Second
)

// ResetSession is called when the pool hands out the connection again. It returns ErrBadConn for a broken one, and
// for one to a host that may not be the primary any more.
func (c *conn) ResetSession(ctx context.Context) error {
	if c.failovers < c.hosts.failovers.Load() {
		return driver.ErrBadConn
	}
	now := time.Now()
	idle := now.Sub(c.reset)
	c.reset = now
	patience, doubted := answerTime, c.hosts.doubted.Load()
	switch {
	case doubted:
		patience = doubtedTime
	case idle <= time.Second: // the driver doesn't ask
		return c.Conn.ResetSession(ctx)
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := c.Conn.ResetSession(limited)
	if err == nil && doubted && idle <= time.Second {
		err = c.ask(limited)
	}
	if err != nil {
		c.isSilent(ctx, limited)
	}
	return err
}

// ask returns ErrBadConn unless the server answers.
func (c *conn) ask(ctx context.Context) error {
	if c.Conn.Conn().PgConn().Ping(ctx) != nil {
		return driver.ErrBadConn
	}
	return nil
}

// refused returns err, or ErrUnavailable if the server refused to write in a transaction that may write: it was made
// read-only, or is a standby behind an address that led to the primary. It discards the connection then.
func (c *conn) refused(err error) error {
	if err == nil || c.reads || stateOf(err) != codeReadOnly {
		return err
	}
	c.discard()
	return fmt.Errorf("%w: the server accepts no writes: %v", tenants.ErrUnavailable, err) // %v: the state means ErrReadOnly in a View
}

// IsValid is called when the connection returns to the pool, which closes it if it is not valid.
func (c *conn) IsValid() bool { return !c.Conn.Conn().IsClosed() }

// countedConn is a connection with a place in a budget, until the server has closed it.
type countedConn struct {
	*conn
	share       *share
	class       class // of what used it last, which it counts for
	dialled     int64 // by the budget's clock
	surrendered bool  // another tenant waits for the place
}

// ResetSession is called when the pool hands out the connection again.
func (c *countedConn) ResetSession(ctx context.Context) error {
	c.share.touch()
	return c.conn.ResetSession(ctx)
}

// BeginTx begins a transaction, under the weight that its tenant has now.
func (c *countedConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	c.share.weigh(ctx)
	c.countFor(c.share.classOf(ctx))
	return c.conn.BeginTx(ctx, opts)
}

// countFor counts the connection's place for a class.
func (c *countedConn) countFor(of class) {
	if of == c.class {
		return
	}
	b := c.share.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	b.classes[c.class].used--
	b.classes[of].used++
	c.class = of
}

// IsValid is like conn's. A connection that was surrendered to another tenant is not valid either.
func (c *countedConn) IsValid() bool {
	c.share.touch()
	if !c.conn.IsValid() {
		return false
	}
	c.surrendered = c.isWanted()
	return !c.surrendered
}

// isWanted reports whether the connection, which returns to its pool, must be surrendered.
func (c *countedConn) isWanted() bool {
	return c.dialled < c.share.budget.before.Load() && c.share.budget.surrender()
}

// Close closes the connection and releases its place. After a cancelled query it releases the place only
// when the server has noticed.
func (c *countedConn) Close() error {
	err := c.conn.Close()
	c.countFor(c.share.class) // which release takes it from
	cleaned := c.Conn.Conn().PgConn().CleanupDone()
	select {
	case <-cleaned:
		c.share.release(c.surrendered)
	default:
		go func() {
			<-cleaned // pgx limits this to 15 seconds
			c.share.release(c.surrendered)
		}()
	}
	return err
}

// lingering waits in Close until the server has closed its side, so that the server never has more
// sessions than the budget has counted.
type lingering struct{ net.Conn }

// Close closes the sending side, and reads until the server closes its side too.
func (l lingering) Close() error {
	if half, ok := l.Conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		if l.SetReadDeadline(time.Now().Add(lingerTime)) == nil {
			_, _ = io.Copy(io.Discard, l.Conn)
		}
	}
	return l.Conn.Close()
}
