// Package mailtest is a mail server for tests.
package mailtest

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"io"
	"mime/quotedprintable"
	"net"
	"net/http/httptest"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"
)

// Message is a message that the server accepted.
type Message struct {
	From, To string // of the envelope
	*mail.Message
	// Raw is as it was sent, and Text the decoded body.
	Raw, Text string
	// Encrypted and User are those of the connection.
	Encrypted bool
	User      string
}

// Server is a mail server. It is safe for concurrent use.
type Server struct {
	// Addr is HOST:PORT.
	Addr string
	// CAs trust its certificate.
	CAs *x509.CertPool

	listener net.Listener
	config   *tls.Config
	got      chan struct{}

	mu       sync.Mutex // protects the fields below
	answer   func(verb string) string
	messages []Message
	tries    int
	conns    map[net.Conn]bool
}

// Hang is an answer: the server says nothing more.
const Hang = "hang"

// New starts a server that offers STARTTLS and AUTH PLAIN, until the test ends.
func New(t testing.TB) *Server {
	t.Helper()
	certified := httptest.NewUnstartedServer(nil)
	certified.StartTLS()
	defer certified.Close()
	s := &Server{config: certified.TLS.Clone(), CAs: x509.NewCertPool(), got: make(chan struct{}, 1), conns: map[net.Conn]bool{}}
	s.config.NextProtos = nil
	s.CAs.AddCert(certified.Certificate())
	s.listen(t, "127.0.0.1:0")
	s.Addr = s.listener.Addr().String()
	t.Cleanup(s.Stop)
	return s
}

func (s *Server) listen(t testing.TB, addr string) {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	s.listener = l
	s.mu.Unlock()
	go s.serve(l)
}

// Stop makes the server be away. Start begins it again, at the same address.
func (s *Server) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.listener.Close()
	for conn := range s.conns {
		_ = conn.Close()
	}
}

// Start undoes Stop.
func (s *Server) Start(t testing.TB) { s.listen(t, s.Addr) }

// Answer makes f choose the answer to commands, and to the end of a message, whose verb is ".". An empty one is the usual one.
func (s *Server) Answer(f func(verb string) string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = f
}

// Tries returns how many connections were made.
func (s *Server) Tries() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tries
}

// Messages returns what was accepted.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.messages
}

// Await waits for so many messages and returns them.
func (s *Server) Await(t testing.TB, n int) []Message {
	t.Helper()
	for end := time.After(30 * time.Second); ; {
		if all := s.Messages(); len(all) >= n {
			return all
		}
		select {
		case <-s.got:
		case <-end:
			t.Fatalf("%d messages were sent, want %d", len(s.Messages()), n)
		}
	}
}

func (s *Server) serve(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.tries++
		s.conns[conn] = true
		s.mu.Unlock()
		go s.talk(conn)
	}
}

// talk speaks SMTP (RFC 5321) with a client.
func (s *Server) talk(conn net.Conn) {
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.conns, conn)
		_ = conn.Close()
	}()
	lines, say := bufio.NewReader(conn), func(text string) { _, _ = io.WriteString(conn, text+"\r\n") }
	var m Message
	reply := func(verb, usual string) bool {
		s.mu.Lock()
		f := s.answer
		s.mu.Unlock()
		if f != nil {
			if other := f(verb); other != "" {
				usual = other
			}
		}
		if usual == Hang {
			_, _ = io.Copy(io.Discard, conn)
			return false
		}
		say(usual)
		return strings.HasPrefix(usual, "2") || strings.HasPrefix(usual, "3")
	}
	if !reply("CONNECT", "220 mail.test ESMTP") {
		return
	}
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch verb = strings.ToUpper(verb); verb {
		case "EHLO":
			reply(verb, "250-mail.test\r\n250-STARTTLS\r\n250-8BITMIME\r\n250 AUTH PLAIN")
		case "STARTTLS":
			if reply(verb, "220 go on") {
				conn = tls.Server(conn, s.config)
				lines, m.Encrypted = bufio.NewReader(conn), true
			}
		case "AUTH":
			if reply(verb, "235 welcome") {
				_, token, _ := strings.Cut(rest, " ")
				decoded, _ := base64.StdEncoding.DecodeString(token)
				m.User = strings.ReplaceAll(strings.Trim(string(decoded), "\x00"), "\x00", ":")
			}
		case "MAIL":
			if reply(verb, "250 ok") {
				m.From = address(rest)
			}
		case "RCPT":
			if reply(verb, "250 ok") {
				m.To = address(rest)
			}
		case "DATA":
			if reply(verb, "354 go on") {
				raw := readMessage(lines)
				if reply(".", "250 accepted") {
					s.keep(m, raw)
				}
			}
		case "QUIT":
			reply(verb, "221 bye")
			return
		default:
			reply(verb, "250 ok")
		}
	}
}

func address(rest string) string {
	_, rest, _ = strings.Cut(rest, "<")
	rest, _, _ = strings.Cut(rest, ">")
	return rest
}

func readMessage(lines *bufio.Reader) string {
	var raw strings.Builder
	for {
		line, err := lines.ReadString('\n')
		if err != nil || line == ".\r\n" {
			return raw.String()
		}
		raw.WriteString(strings.TrimPrefix(line, "."))
	}
}

func (s *Server) keep(m Message, raw string) {
	m.Raw = raw
	if parsed, err := mail.ReadMessage(strings.NewReader(raw)); err == nil {
		m.Message, m.Text = parsed, decoded(parsed)
	}
	s.mu.Lock()
	s.messages = append(s.messages, m)
	s.mu.Unlock()
	select {
	case s.got <- struct{}{}:
	default:
	}
}

// decoded returns the body without its transfer encoding.
func decoded(m *mail.Message) string {
	body := m.Body
	if strings.EqualFold(m.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
		body = quotedprintable.NewReader(body)
	}
	text, _ := io.ReadAll(body)
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}
