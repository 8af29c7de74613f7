package webhooks

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// WantURL and WantSecret say what is right.
const (
	WantURL    = "https://HOST/PATH, or http on this machine alone, such as http://127.0.0.1:9000/hook"
	WantSecret = "whsec_ and 24 to 64 random bytes as base64"
)

// ErrURL and ErrSecret mean that a setting can't be used. They don't hold its value.
var ErrURL, ErrSecret = errors.New("want " + WantURL), errors.New("want " + WantSecret)

// Target is where webhooks go, with the key that signs them.
type Target struct {
	url string
	key []byte
}

// The prefix of a secret, and how many bytes it may have.
const (
	secretPrefix            = "whsec_"
	shortestKey, longestKey = 24, 64
)

// ParseTarget returns the target with a URL and a secret. It returns ErrURL, ErrSecret, or both, joined.
func ParseTarget(address, secret string) (Target, error) {
	var wrong []error
	if !isAllowed(address) {
		wrong = append(wrong, ErrURL)
	}
	text, prefixed := strings.CutPrefix(secret, secretPrefix)
	key, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	if !prefixed || err != nil || len(key) < shortestKey || len(key) > longestKey {
		wrong = append(wrong, ErrSecret)
	}
	return Target{address, key}, errors.Join(wrong...)
}

// isAllowed reports whether an address is a URL that others on the way can't read requests to.
func isAllowed(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.Opaque != "" || u.Fragment != "" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname())
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// sign returns the signature of a body that is sent with an id at a time.
func (t Target) sign(id string, at time.Time, body []byte) string {
	mac := hmac.New(sha256.New, t.key)
	_, _ = fmt.Fprintf(mac, "%s.%d.%s", id, at.Unix(), body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
