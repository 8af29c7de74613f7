package console

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"tenantry/tenants/lifecycle"
	"tenantry/tenants/operators"
)

const (
	// sessionLife is how long a session lasts, even if it is used.
	sessionLife = 12 * time.Hour
	// maxSessions is the largest number of sessions, and maxOwnSessions that of one operator. Holders of the one token
	// count as one operator. A new session ends the oldest.
	maxSessions    = 512
	maxOwnSessions = 32
)

// session is that of an operator who signed in with a token.
type session struct {
	by      lifecycle.Operator // the operator's name for the ledger
	who     operators.Identity // as they signed in; Doors know who they are now
	expires time.Time
}

// sessions has the console's sessions in this process's memory. They end with the
// process, and no credential is stored elsewhere. It is safe for concurrent use.
type sessions struct {
	now func() time.Time

	mu   sync.Mutex // guards open
	open map[[sha256.Size]byte]session
}

func newSessions(now func() time.Time) *sessions {
	return &sessions{now: now, open: map[[sha256.Size]byte]session{}}
}

// begin begins a session and returns its secret.
func (s *sessions) begin(by lifecycle.Operator, who operators.Identity) string {
	secret := rand.Text() + rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.makeRoom(who)
	s.open[sha256.Sum256([]byte(secret))] = session{by, who, s.now().Add(sessionLife)}
	return secret
}

// makeRoom removes expired sessions and, if the operator has too many, the oldest of those, or else the oldest of all if
// there are too many: signing in often ends only the operator's own sessions. The caller holds mu.
func (s *sessions) makeRoom(who operators.Identity) {
	maps.DeleteFunc(s.open, func(_ [sha256.Size]byte, one session) bool { return !one.expires.After(s.now()) })
	own := s.oldest(func(one session) bool { return one.who.Name == who.Name })
	switch {
	case len(own) >= maxOwnSessions:
		delete(s.open, own[0])
	case len(s.open) >= maxSessions:
		delete(s.open, s.oldest(func(session) bool { return true })[0])
	}
}

// oldest returns the keys of the sessions that match, in the order in which they expire.
func (s *sessions) oldest(matches func(session) bool) (keys [][sha256.Size]byte) {
	for key, one := range s.open {
		if matches(one) {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b [sha256.Size]byte) int { return s.open[a].expires.Compare(s.open[b].expires) })
	return keys
}

// find returns the session with a secret, and whether there is one.
func (s *sessions) find(secret string) (session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, ok := s.open[sha256.Sum256([]byte(secret))]
	return one, ok && one.expires.After(s.now())
}

// end ends the session with a secret.
func (s *sessions) end(secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, sha256.Sum256([]byte(secret)))
}

// cookieName returns the name of the session's cookie. It differs from the tenants'
// because ports on the same host share cookies.
func cookieName(tls bool) string {
	if tls {
		return "__Host-console"
	}
	return "console"
}

// setCookie sets the session's cookie to a secret. An empty secret deletes the
// cookie.
func (s *Console) setCookie(c *gin.Context, secret string) {
	tls := s.o.TLS(c)
	cookie := &http.Cookie{
		Name: cookieName(tls), Value: secret, Path: "/", MaxAge: int(sessionLife.Seconds()),
		HttpOnly: true, Secure: tls, SameSite: http.SameSiteStrictMode,
	}
	if secret == "" {
		cookie.MaxAge = -1
	}
	http.SetCookie(c.Writer, cookie)
}

// secrets returns the session's cookies. There are several only if something else
// set one too.
func (s *Console) secrets(c *gin.Context) []*http.Cookie {
	return c.Request.CookiesNamed(cookieName(s.o.TLS(c)))
}

type sessionKey struct{}

// current returns the request's session, and whether there is one.
func (s *Console) current(c *gin.Context) (session, bool) {
	if value, ok := c.Get(sessionKey{}); ok {
		return value.(session), true
	}
	sent := s.secrets(c)
	if len(sent) != 1 {
		return session{}, false
	}
	one, ok := s.sessions.find(sent[0].Value)
	if ok {
		c.Set(sessionKey{}, one)
	}
	return one, ok
}

// lasts reports whether the request's session is still valid.
func (s *Console) lasts(c *gin.Context) bool {
	sent := s.secrets(c)
	if len(sent) != 1 {
		return false
	}
	one, ok := s.sessions.find(sent[0].Value)
	_, err := s.standing(c, one, ok)
	return !errors.Is(err, operators.ErrNoToken)
}

// standing returns who the session's operator is now. Returns operators.ErrNoToken if there is no session, or if the token
// with which it began was revoked.
func (s *Console) standing(c *gin.Context, one session, ok bool) (operators.Identity, error) {
	if !ok {
		return operators.Identity{}, operators.ErrNoToken
	}
	return s.o.Doors.Standing(c.Request.Context(), one.who)
}

// by returns the operator who sent the request. It works below Guard only.
func (s *Console) by(c *gin.Context) lifecycle.Operator {
	one, _ := s.current(c)
	return one.by
}
