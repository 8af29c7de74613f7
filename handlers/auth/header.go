package auth

import (
	"errors"
	"net/http"
	"net/textproto"
	"strings"
)

// ErrMissing means that the request contains no credential.
var ErrMissing = errors.New("no credential")

// Source is the place of a credential in a request.
type Source uint8

// The sources.
const (
	// SourceHeader is the Authorization header, which clients send on purpose.
	SourceHeader Source = 1
	// SourceCookie is the session cookie. Browsers add it by themselves, so a
	// request that changes something must be shown to come from the tenant's own
	// pages.
	SourceCookie Source = 2
)

// String returns the source for logs.
func (s Source) String() string {
	switch s {
	case SourceHeader:
		return "header"
	case SourceCookie:
		return "cookie"
	}
	return "nowhere"
}

// carries reports whether credentials of the kind may come from the source.
func (s Source) carries(kind Kind) bool {
	return kind == KindSession || kind == KindToken && s == SourceHeader || kind == KindVisit && s == SourceCookie
}

// CookieName returns the name of the session cookie. Over TLS, browsers accept a
// cookie with the prefix __Host- only from the host itself. Without TLS, a sibling
// host under the base domain can set a cookie of that name.
func CookieName(tls bool) string {
	if tls {
		return "__Host-session"
	}
	return "session"
}

// VisitCookieName returns the name of the cookie of operators' visits, which the same holds for.
func VisitCookieName(tls bool) string {
	if tls {
		return "__Host-visit"
	}
	return "visit"
}

// Presented is the credential in a request. Its digest can be looked up, but not
// presented again.
type Presented struct {
	Kind   Kind
	Digest []byte
	Source Source
}

// FromHeader returns the one credential of a request to the tenant: a session or an
// API token as bearer token, or else a session or a visit in the cookie of that name. If the
// request has both, the bearer token counts, even if it is malformed.
//
// Returns ErrMissing if there is no credential; it ignores schemes other than
// Bearer. Returns ErrMalformed if there is more than one Authorization header, if
// the cookie is there twice, since a sibling host may have added one, or if the
// kind isn't allowed there.
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

// find returns the text of a credential, and its source.
func find(header http.Header, cookie string) (string, Source, error) {
	text, err := authorization(header.Values("Authorization"))
	if !errors.Is(err, ErrMissing) {
		return text, SourceHeader, err
	}
	text, err = onlyCookie(header.Values("Cookie"), cookie)
	return text, SourceCookie, err
}

// authorization returns the bearer token of a request's Authorization headers.
func authorization(lines []string) (string, error) {
	switch len(lines) {
	case 0:
		return "", ErrMissing
	case 1:
		return Bearer(lines[0])
	}
	return "", ErrMalformed
}

// Bearer returns the token of an Authorization header: the scheme in any case, one
// or more spaces, and exactly one token (RFC 9110, 11.4; RFC 6750, 2.1). Returns
// ErrMissing if the scheme is another one, and ErrMalformed for anything else.
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

// otherScheme returns ErrMissing if a scheme has a valid name (a token of RFC 9110,
// 5.6.2), else ErrMalformed.
func otherScheme(scheme string) error {
	if !consistsOf(scheme, "!#$%&'*+-.^_`|~") {
		return ErrMalformed
	}
	return ErrMissing
}

// isToken68 reports whether s is a token68 of RFC 9110, 11.2.
func isToken68(s string) bool { return consistsOf(strings.TrimRight(s, "="), "-._~+/") }

// consistsOf reports whether s is not empty and contains only ASCII letters, ASCII
// digits and the characters in others.
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

// onlyCookie returns the value of the cookie of that name, unchanged. HTTP/2 may
// spread cookies over several headers. Like net/http, it reads a cookie without =
// as one without a value.
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
