package webhooks

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tenantry/tenants/text"
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
	// hide replaces what is in the URL.
	hide *strings.Replacer
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
	encoded, prefixed := strings.CutPrefix(secret, secretPrefix)
	key, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(encoded, "="))
	if !prefixed || err != nil || len(key) < shortestKey || len(key) > longestKey {
		wrong = append(wrong, ErrSecret)
	}
	return Target{address, key, hider(address)}, errors.Join(wrong...)
}

// shortestHidden is the length of the shortest part of a URL that is hidden.
const shortestHidden = 4

// hider returns what replaces the parts of a URL in a text, as they stand there and as a receiver reads them. Any may be a
// secret: a host can be the address of a single hook, and receivers repeat paths in what they answer.
func hider(address string) *strings.Replacer {
	_, rest, _ := strings.Cut(address, "://")
	parts := strings.FieldsFunc(rest, func(r rune) bool { return strings.ContainsRune(":/@?&=", r) })
	for _, part := range parts {
		inPath, _ := url.PathUnescape(part)
		inQuery, _ := url.QueryUnescape(part)
		parts = append(parts, inPath, inQuery)
	}
	u, err := url.Parse(address)
	if err == nil && u.User != nil {
		password, _ := u.User.Password()
		parts = append(parts, base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password)))
	}
	if err == nil { // a port tells where to look for what is wrong
		parts = slices.DeleteFunc(parts, func(part string) bool { return part == u.Port() })
	}
	slices.SortFunc(parts, func(a, b string) int { return len(b) - len(a) }) // a replacer takes the first that fits
	var pairs []string
	for _, part := range parts {
		if len(part) >= shortestHidden {
			pairs = append(pairs, part, "…")
		}
	}
	return strings.NewReplacer(pairs...)
}

// told returns the beginning of a text that a receiver or the way to it may have made of the URL, without the URL's parts.
func (t Target) told(line string) string { return text.Cut(t.hide.Replace(line), mostLine) }

// isAllowed reports whether an address is a URL that others on the way can't read requests to.
func isAllowed(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.Opaque != "" || u.Fragment != "" || strings.ContainsAny(address, " \t") {
		return false
	}
	if _, err := strconv.ParseUint(u.Port(), 10, 16); err != nil && u.Port() != "" {
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
