// Package pgproxy puts a proxy between a test and its Postgres server. The test decides whether
// each COMMIT and its answer are delivered, and may delay, swallow and cut all that is sent.
package pgproxy

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Proxy forwards messages between clients and the server. While it is armed, it stops at each
// COMMIT in a database and sends it to Commits.
type Proxy struct {
	// Commits receives each COMMIT that arrives while the proxy is armed, before it is
	// forwarded.
	Commits chan *Commit

	network, address string // the server's
	listener         net.Listener

	mu    sync.Mutex // guards what follows
	armed string     // the database, empty for none
	conns map[net.Conn]bool
	delay time.Duration
	held  chan struct{} // closed when what is held back may go on; nil if nothing is
	holds int           // messages that are held back
	lost  chan struct{} // closed when the connections that are open now are lost
	ended chan struct{} // closed when the proxy stops
}

// New starts a proxy to the server of the URL. The proxy stops when the test ends.
func New(t testing.TB, server string) *Proxy {
	t.Helper()
	config, err := pgconn.ParseConfig(server)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Commits: make(chan *Commit), listener: listener, conns: map[net.Conn]bool{}, lost: make(chan struct{}), ended: make(chan struct{})}
	p.network, p.address = pgconn.NetworkAddress(config.Host, config.Port)
	go p.serve()
	t.Cleanup(p.close)
	return p
}

// Through returns the URL of a database on the server, by way of the proxy.
func (p *Proxy) Through(server string) string {
	u, err := url.Parse(server)
	if err != nil {
		panic(err) // New has read it already
	}
	query := u.Query()
	query.Del("host")
	query.Del("port")
	query.Set("sslmode", "disable") // what is enciphered can't be read
	u.Host, u.RawQuery = p.listener.Addr().String(), query.Encode()
	return u.String()
}

// Arm makes the proxy stop at each COMMIT in the database from now on. With an empty name it
// stops at none.
func (p *Proxy) Arm(database string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.armed = database
}

// Swallow holds back all that is sent in either direction, also over new connections, as a network does
// that has lost its way. It goes on when Release is called.
func (p *Proxy) Swallow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held == nil {
		p.held = make(chan struct{})
	}
}

// Release undoes Swallow.
func (p *Proxy) Release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held != nil {
		close(p.held)
		p.held = nil
	}
}

// Held returns how many messages Swallow holds back now.
func (p *Proxy) Held() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.holds
}

// Lose swallows for ever all that is sent over the connections that are open now, as a network does that has forgotten
// them. New connections work.
func (p *Proxy) Lose() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.lost)
	p.lost = make(chan struct{})
}

// Delay delays each message in either direction.
func (p *Proxy) Delay(by time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = by
}

// Cut breaks all connections.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.conns {
		_ = conn.Close()
	}
}

// pass returns when what has arrived over a connection that is lost with lost may be forwarded.
func (p *Proxy) pass(lost chan struct{}) {
	select {
	case <-lost:
		<-p.ended
	default:
	}
	p.mu.Lock()
	held, delay := p.held, p.delay
	if held != nil {
		p.holds++
	}
	p.mu.Unlock()
	if held != nil {
		<-held
		p.mu.Lock()
		p.holds--
		p.mu.Unlock()
	}
	if delay > 0 {
		time.Sleep(delay)
	}
}

func (p *Proxy) isArmed(database string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.armed != "" && p.armed == database
}

func (p *Proxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		go p.link(client)
	}
}

func (p *Proxy) close() {
	_ = p.listener.Close()
	close(p.ended)
	p.Cut()
	p.Release()
}

// link connects a client to the server over a new connection.
func (p *Proxy) link(client net.Conn) {
	server, err := net.Dial(p.network, p.address)
	if err != nil {
		_ = client.Close()
		return
	}
	p.mu.Lock()
	l := &link{proxy: p, client: client, server: server, lost: p.lost}
	p.conns[client], p.conns[server] = true, true
	p.mu.Unlock()
	go l.answers()
	l.questions()
	l.cut()
}

// link is one connection through the proxy.
type link struct {
	proxy          *Proxy
	client, server net.Conn
	lost           chan struct{} // as in Proxy, when it was open
	holding        sync.Mutex    // held while answers are kept back
}

func (l *link) cut() {
	_ = l.client.Close()
	_ = l.server.Close()
}

// answers forwards the server's messages.
func (l *link) answers() {
	buffer := make([]byte, 32<<10)
	for {
		n, err := l.server.Read(buffer)
		l.proxy.pass(l.lost)
		l.holding.Lock()
		_, failed := l.client.Write(buffer[:n])
		l.holding.Unlock()
		if err != nil || failed != nil {
			l.cut()
			return
		}
	}
}

// questions forwards the client's messages. The first one has no type, and names the database.
func (l *link) questions() {
	database := ""
	for first := true; ; first = false {
		message, err := readMessage(l.client, first)
		if err != nil {
			return
		}
		if first {
			database = databaseOf(message)
		}
		l.proxy.pass(l.lost)
		if isCommit(message) && l.proxy.isArmed(database) {
			c := &Commit{link: l, message: message, done: make(chan struct{})}
			l.proxy.Commits <- c
			<-c.done
			continue
		}
		if _, err := l.server.Write(message); err != nil {
			return
		}
	}
}

// readMessage reads a message of protocol version 3, with its header.
func readMessage(r io.Reader, first bool) ([]byte, error) {
	header := make([]byte, 5)
	if first {
		header = header[:4]
	}
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, err
	}
	length := binary.BigEndian.Uint32(header[len(header)-4:])
	body := make([]byte, length-4)
	_, err := io.ReadFull(r, body)
	return append(header, body...), err
}

// databaseOf returns the database that a startup message names.
func databaseOf(message []byte) string {
	fields := bytes.Split(message[min(8, len(message)):], []byte{0})
	for i := 0; i+1 < len(fields); i += 2 {
		if string(fields[i]) == "database" {
			return string(fields[i+1])
		}
	}
	return ""
}

// isCommit reports whether the message is a simple query that commits, possibly after another statement.
func isCommit(message []byte) bool {
	if message[0] != 'Q' {
		return false
	}
	query := bytes.ToLower(message[5:])
	return bytes.Equal(query, []byte("commit\x00")) || bytes.HasSuffix(query, []byte("; commit\x00"))
}

// Commit is a COMMIT at which the proxy stopped. Only one goroutine may call its methods. The
// caller must end it with Release or Cut.
type Commit struct {
	link    *link
	message []byte
	sent    bool
	done    chan struct{}
}

// Deliver forwards the COMMIT to the server and holds the answer back.
func (c *Commit) Deliver() {
	c.link.holding.Lock()
	c.sent = true
	_, _ = c.link.server.Write(c.message) // a server that has gone is part of the test
}

// Release forwards the answer, after Deliver.
func (c *Commit) Release() {
	c.link.holding.Unlock()
	close(c.done)
}

// Cut breaks the connection without an answer. Without Deliver the server has not received the
// COMMIT.
func (c *Commit) Cut() {
	_ = c.link.client.Close()
	if c.sent {
		c.link.holding.Unlock()
	} else {
		_ = c.link.server.Close()
	}
	close(c.done)
}
