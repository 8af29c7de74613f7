package mail

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	smtp "github.com/wneessen/go-mail"

	"tenantry/tenants/jobs"
)

// Settings are those of a mail server.
type Settings struct {
	// URL is smtp://USER:PASSWORD@HOST:PORT, or smtps:// for TLS from the beginning. With smtp the connection is encrypted by
	// STARTTLS if the server can; with a password it must. To a server on this machine it isn't encrypted.
	URL string
	// From is the sender, such as "Acme <no-reply@example.com>".
	From string
	// Timeout bounds each exchange with the server. Defaults to 10 seconds.
	Timeout time.Duration
	// Away is how long a server that didn't answer is left alone. Defaults to 10 seconds.
	Away time.Duration
	// TLS is the configuration for encrypted connections. Defaults to the system's.
	TLS *tls.Config
}

// WantURL and WantFrom say what is right.
const (
	WantURL  = "smtp://USER:PASSWORD@HOST:PORT or smtps://USER:PASSWORD@HOST:PORT"
	WantFrom = "an address such as no-reply@example.com, or Name <no-reply@example.com>"
)

// ErrURL and ErrFrom mean that a setting can't be read. They don't hold its value.
var ErrURL, ErrFrom = errors.New("want " + WantURL), errors.New("want " + WantFrom)

// Server sends letters to a mail server. It is safe for concurrent use.
type Server struct {
	host     string
	options  []smtp.Option
	from     *netmail.Address
	password string
	away     time.Duration // Settings.Away

	mu    sync.Mutex
	until time.Time // the server didn't answer: no attempt before
}

// NewServer reads the settings. It doesn't connect. Returns ErrURL or ErrFrom.
func NewServer(s Settings) (*Server, error) {
	u, err := url.Parse(s.URL)
	if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" {
		return nil, ErrURL
	}
	port, err := strconv.ParseUint(cmp.Or(u.Port(), map[string]string{"smtp": "587", "smtps": "465"}[u.Scheme]), 10, 16)
	if err != nil {
		return nil, ErrURL
	}
	from, err := netmail.ParseAddress(s.From)
	if err != nil || strings.ContainsFunc(s.From, unicode.IsControl) {
		return nil, ErrFrom
	}
	timeout := cmp.Or(s.Timeout, 10*time.Second)
	server := &Server{host: u.Hostname(), from: from, away: cmp.Or(s.Away, 10*time.Second)}
	server.options = []smtp.Option{smtp.WithPort(int(port)), smtp.WithTimeout(timeout), smtp.WithoutNoop(), smtp.WithHELO(helo(from))}
	if user := u.User.Username(); user != "" {
		server.password, _ = u.User.Password()
		server.options = append(server.options, smtp.WithSMTPAuth(smtp.SMTPAuthAutoDiscover), smtp.WithUsername(user), smtp.WithPassword(server.password))
	}
	server.options = append(server.options, smtp.WithTLSPolicy(policy(server, s.TLS != nil)))
	if u.Scheme == "smtps" {
		server.options = append(server.options, smtp.WithSSL())
	}
	if s.TLS != nil {
		config := s.TLS.Clone()
		config.ServerName = server.host
		server.options = append(server.options, smtp.WithTLSConfig(config))
	}
	return server, nil
}

// policy says when the connection of an smtp URL is encrypted. A relay on this machine often has a certificate that nothing trusts.
func policy(s *Server, configured bool) smtp.TLSPolicy {
	ip := net.ParseIP(s.host)
	switch isLocal := s.host == "localhost" || ip != nil && ip.IsLoopback(); {
	case isLocal && !configured:
		return smtp.NoTLS
	case configured, s.password != "":
		return smtp.TLSMandatory
	}
	return smtp.TLSOpportunistic
}

// helo is the name by which this side introduces itself: the domain of the sender.
func helo(from *netmail.Address) string {
	_, domain, _ := strings.Cut(from.Address, "@")
	return domain
}

// errAway means that the server didn't answer a moment ago.
var errAway = errors.New("the mail server didn't answer a moment ago")

// ready returns an error if the server didn't answer a moment ago, so that it isn't waited for once for each message.
func (s *Server) ready() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Now().Before(s.until) {
		return errAway
	}
	return nil
}

// Send sends a letter, whose Message-ID is made of id. Errors of the server that are permanent are those of jobs.Discard.
func (s *Server) Send(ctx context.Context, id string, l Letter) error {
	message, err := s.compose(id, l)
	if err != nil {
		return jobs.Discard(err)
	}
	client, err := smtp.NewClient(s.host, s.options...)
	if err != nil {
		return s.clean(err)
	}
	err = client.DialWithContext(ctx)
	s.answered(err == nil)
	if err != nil {
		return fmt.Errorf("connect to the mail server: %w", s.clean(err))
	}
	err = client.Send(message)
	_ = client.Close() // the message is accepted, or not, whatever comes of QUIT
	var refused *smtp.SendError
	if errors.As(err, &refused) && refused.ErrorCode() >= 500 {
		return jobs.Discard(s.clean(err))
	}
	return s.clean(err)
}

// answered records whether the server was there.
func (s *Server) answered(there bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.until = time.Time{}
	if !there {
		s.until = time.Now().Add(s.away)
	}
}

// compose makes the message. What comes from people can end no header: they are encoded, and control characters are spaces.
func (s *Server) compose(id string, l Letter) (*smtp.Msg, error) {
	m := smtp.NewMsg()
	if err := m.From(s.from.String()); err != nil {
		return nil, err
	}
	if strings.ContainsFunc(l.To, unicode.IsControl) {
		return nil, errors.New("the address has control characters")
	}
	if err := m.To((&netmail.Address{Address: l.To}).String()); err != nil {
		return nil, err
	}
	subject := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, l.Subject)
	m.Subject(strings.ReplaceAll(subject, "=?", "= ?")) // or it could be read as an encoded word (RFC 2047)
	m.SetMessageIDWithValue(id + "@" + helo(s.from))
	m.SetDate()
	m.SetGenHeader("Auto-Submitted", "auto-generated")
	m.SetBodyString(smtp.TypeTextPlain, l.Text)
	return m, nil
}

// clean removes the password from an error, in which a server may repeat what it was sent.
func (s *Server) clean(err error) error {
	if err == nil || s.password == "" {
		return err
	}
	text := err.Error()
	for _, secret := range []string{s.password, base64.StdEncoding.EncodeToString([]byte(s.password))} {
		text = strings.ReplaceAll(text, secret, "…")
	}
	if text != err.Error() {
		return errors.New(text)
	}
	return err
}
