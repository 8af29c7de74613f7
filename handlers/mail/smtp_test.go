package mail_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"mime"
	"strings"
	"testing"
	"time"

	"tenantry/handlers/mail"
	"tenantry/handlers/mail/mailtest"
)

const secret = "xyzzy-secret"

func server(t testing.TB, s *mailtest.Server, url string) *mail.Server {
	t.Helper()
	made, err := mail.NewServer(mail.Settings{
		URL: strings.ReplaceAll(url, "ADDR", s.Addr), From: "Acme Ltd <no-reply@acme.test>",
		TLS: &tls.Config{RootCAs: s.CAs}, Timeout: 300 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// TestSend sends a letter over STARTTLS with a password. What comes from people ends no header.
func TestSend(t *testing.T) {
	t.Parallel()
	s := mailtest.New(t)
	err := server(t, s, "smtp://mailer:"+secret+"@ADDR").Send(t.Context(), "01m8", mail.Letter{
		To: "ida@acme.test", Subject: "=?utf-8?q?Pay_now?= Grüße\r\nBcc: mallory@evil.test\r\n\r\nbody", Text: "Hello,\n.\nhttps://acme.test/x?a=b\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	m := s.Await(t, 1)[0]
	if !m.Encrypted || m.User != "mailer:"+secret || m.From != "no-reply@acme.test" || m.To != "ida@acme.test" {
		t.Errorf("envelope: %+v", m)
	}
	if m.Header.Get("Bcc") != "" || len(m.Header["Subject"]) != 1 || m.Header.Get("Message-Id") != "<01m8@acme.test>" || m.Header.Get("From") != `"Acme Ltd" <no-reply@acme.test>` {
		t.Errorf("header: %q", m.Header)
	}
	if subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil || !strings.HasPrefix(subject, "= ?utf-8?q?Pay_now?= Grüße") {
		t.Errorf("subject %q, %v", subject, err)
	}
	if m.Text != "Hello,\n.\nhttps://acme.test/x?a=b\n" {
		t.Errorf("text: %q", m.Text)
	}
	for _, bad := range []string{"ida@acme.test\r\nBcc: mallory@evil.test", "ida@acme.test>\r\nRCPT TO:<x@evil.test", "no address", ""} {
		if err := server(t, s, "smtp://ADDR").Send(t.Context(), "01m8", mail.Letter{To: bad, Subject: "x", Text: "x"}); err == nil {
			t.Errorf("%q was written to", bad)
		}
	}
	if n := len(s.Messages()); n != 1 {
		t.Errorf("%d messages", n)
	}
}

// TestSendFails: answers that are permanent give the message up, others don't. A server that is away or hangs is left alone for a
// while, and no error has the password.
func TestSendFails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, verb, answer string
		permanent          bool
	}{
		{"unknown recipient", "RCPT", "550 5.1.1 no such user", true},
		{"refused sender", "MAIL", "553 not yours", true},
		{"refused content", ".", "554 spam", true},
		{"full box", "RCPT", "452 4.2.2 full", false},
		{"greylisted", "MAIL", "451 later", false},
		{"busy", "CONNECT", "421 busy", false},
		{"wrong password", "AUTH", "535 5.7.8 bad " + secret, false},
		{"hangs at first", "CONNECT", mailtest.Hang, false},
		{"hangs in the end", ".", mailtest.Hang, false},
		{"no TLS", "STARTTLS", "454 not now", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := mailtest.New(t)
			s.Answer(func(verb string) string {
				if verb == c.verb {
					return c.answer
				}
				return ""
			})
			begun := time.Now()
			err := server(t, s, "smtp://mailer:"+secret+"@ADDR").Send(t.Context(), "01m8", mail.Letter{To: "ida@acme.test", Subject: "x", Text: "x"})
			if err == nil || isDiscarded(err) != c.permanent || strings.Contains(fmt.Sprintf("%v %+v", err, err), secret) || time.Since(begun) > 5*time.Second {
				t.Errorf("%v: %v", time.Since(begun), err)
			}
		})
	}
}

// isDiscarded reports whether an error gives a job up.
func isDiscarded(err error) bool { return strings.Contains(fmt.Sprintf("%T", err), "discardError") }

// TestSettings: bad ones are refused, without their password.
func TestSettings(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "smtp://", "http://h:1", "h:25", "smtp://u:" + secret + "@h:99999", "smtp://u:" + secret + "@h:1/x", "smtp://u:" + secret + "@h?x=1", "smtp://u:%zz@h"} {
		if _, err := mail.NewServer(mail.Settings{URL: url, From: "a@b.test"}); !errors.Is(err, mail.ErrURL) || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v", url, err)
		}
	}
	for _, from := range []string{"", "nobody", "a@b.test\r\nBcc: x@y.test"} {
		if _, err := mail.NewServer(mail.Settings{URL: "smtp://h", From: from}); !errors.Is(err, mail.ErrFrom) {
			t.Errorf("%q: %v", from, err)
		}
	}
}
