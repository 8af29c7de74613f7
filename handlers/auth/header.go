package auth

import (
	"errors"
	"net/http"
	"net/textproto"
	"strings"
)

// ErrMissing: the request carries no credential.
var ErrMissing = errors.New("no credential")

// Source is where a request carries its credential.
type Source uint8

// The sources.
const (
	// SourceHeader is Authorization: whoever sent it meant to.
	SourceHeader Source = 1
	// SourceCookie is the session cookie: the browser adds it by itself, so
	// that a request which changes something must be shown to come from the
	// tenant's own pages.
	SourceCookie Source = 2
)

// String is the source for logs.
func (s Source) String() string {
	switch s {
	case SourceHeader:
		return "header"
	case SourceCookie:
		return "cookie"
	}
	return "nowhere"
}

// carries reports whether credentials of the kind may come from there.
func (s Source) carries(kind Kind) bool {
	return kind == KindSession || kind == KindToken && s == SourceHeader
}

// CookieName is the session cookie's name. Over TLS browsers take a cookie of
// the prefix __Host- only from the host itself; without, a sibling under the
// base domain can add one of its own.
func CookieName(tls bool) string {
	if tls {
		return "__Host-session"
	}
	return "session"
}

// Presented is the credential that a request carries: what to look up, and
// nothing that could be presented again.
type Presented struct {
	Kind   Kind
	Digest []byte
	Source Source
}

// FromHeader finds the one credential of a request to the tenant: a session or
// an API token as bearer, else a session in the cookie of the name. The bearer
// counts when both are there, also when it is malformed.
//
// It returns ErrMissing when there is none; what other schemes than Bearer
// carry is not for us. It returns ErrMalformed, and never guesses, for more
// than one Authorization, for a cookie that is there twice, since a sibling may
// have added it, and for a kind that has no place there.
func FromHeader(tenantID string, header http.Header, cookie string) (Presented, error) {
	text, source, err := find(header, cookie)
	if err != nil {
		return Presented{}, err
	}
	kind, digest, err := Digest(tenantID, text)
	if err != nil || !source.carries(kind) {
		return Presented{}, ErrMalformed
	}
	return Presented{kind, digest, source}, nil
}

// find is the text of a credential, and where it was.
func find(header http.Header, cookie string) (string, Source, error) {
	text, err := authorization(header.Values("Authorization"))
	if !errors.Is(err, ErrMissing) {
		return text, SourceHeader, err
	}
	text, err = onlyCookie(header.Values("Cookie"), cookie)
	return text, SourceCookie, err
}

// authorization is the bearer token of a request's Authorization lines.
func authorization(lines []string) (string, error) {
	switch len(lines) {
	case 0:
		return "", ErrMissing
	case 1:
		return Bearer(lines[0])
	}
	return "", ErrMalformed
}

// Bearer is the token of an Authorization header: the scheme in any case, one
// or more spaces, and exactly one token (RFC 9110, 11.4; RFC 6750, 2.1). It
// returns ErrMissing for another scheme, and else ErrMalformed.
func Bearer(header string) (text string, err error) {
	scheme, text, _ := strings.Cut(header, " ")
	switch text = strings.TrimLeft(text, " "); {
	case !strings.EqualFold(scheme, "Bearer"):
		return "", otherScheme(scheme)
	case !isToken68(text):
		return "", ErrMalformed
	}
	return text, nil
}

// otherScheme tells another scheme's name, a token of RFC 9110, 5.6.2, from
// what is none.
func otherScheme(scheme string) error {
	if !consistsOf(scheme, "!#$%&'*+-.^_`|~") {
		return ErrMalformed
	}
	return ErrMissing
}

// isToken68 reports whether s is a token68 of RFC 9110, 11.2.
func isToken68(s string) bool { return consistsOf(strings.TrimRight(s, "="), "-._~+/") }

// consistsOf reports whether s is letters, digits and the other characters,
// all of them ASCII, and not empty.
func consistsOf(s, others string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte(others, c) < 0:
			return false
		}
	}
	return s != ""
}

// onlyCookie is the value of the cookie of the name, as it was sent. HTTP/2
// may spread cookies over several lines. A cookie without = is one without a
// value, as net/http reads it.
func onlyCookie(lines []string, name string) (value string, err error) {
	err = ErrMissing
	for _, line := range lines {
		for part := range strings.SplitSeq(line, ";") {
			key, rest, _ := strings.Cut(part, "=")
			switch {
			case textproto.TrimString(key) != name:
				continue
			case err == nil:
				return "", ErrMalformed
			}
			value, err = textproto.TrimString(rest), nil
		}
	}
	return value, err
}
