package auth

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

const (
	tenant  = "01j9z3k4m5n6p7q8r9s0t1v2w3"
	another = "01j9z3k4m5n6p7q8r9s0t1v2w4"
)

var allKinds = []Kind{KindSession, KindToken, KindInvitation, KindEntry, KindVisit}

func TestMint(t *testing.T) {
	t.Parallel()
	scanner := regexp.MustCompile(`^tnt[stiev]_[A-Za-z0-9_-]{43}$`)
	seen := map[string]bool{}
	for _, kind := range allKinds {
		text, digest := Mint(tenant, kind)
		again, _ := Mint(tenant, kind)
		if !scanner.MatchString(text) || text == again || seen[text[:prefixSize]] {
			t.Errorf("%v: %q and %q", kind, text, again)
		}
		seen[text[:prefixSize]] = true
		got, found, err := Digest(tenant, text)
		if err != nil || got != kind || !bytes.Equal(found, digest) || len(digest) != sha256.Size {
			t.Errorf("%v: read as %v with digest %x, %v; want %x", kind, got, found, err, digest)
		}
		if secret, _ := encoding.DecodeString(text[prefixSize:]); bytes.Contains(digest, secret[:8]) {
			t.Errorf("%v: the digest holds the secret", kind)
		}
	}
}

func TestMintPanics(t *testing.T) {
	t.Parallel()
	for name, mint := range map[string]func(){
		"no kind":    func() { Mint(tenant, 0) },
		"wrong kind": func() { Mint(tenant, KindVisit+1) },
		"no tenant":  func() { Mint("", KindSession) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: a credential is made", name)
				}
			}()
			mint()
		}()
	}
}

// TestDigestIsBound: neither another tenant's database, be it a copy, nor
// another kind's row holds the digest.
func TestDigestIsBound(t *testing.T) {
	t.Parallel()
	text, digest := Mint(tenant, KindSession)
	seen := map[string]string{string(digest): "the credential"}
	for _, id := range []string{another, "", tenant[:25], tenant + "x", strings.ToUpper(tenant), tenant + "\x00"} {
		for _, kind := range allKinds {
			other := kind.prefix() + text[prefixSize:]
			_, found, err := Digest(id, other)
			if err != nil {
				t.Fatal(err)
			}
			name := fmt.Sprintf("%v of %q", kind, id)
			if before, ok := seen[string(found)]; ok {
				t.Errorf("%s has the digest of %s", name, before)
			}
			seen[string(found)] = name
		}
	}
	_, changed, err := Digest(tenant, KindToken.prefix()+text[prefixSize:])
	if err != nil || bytes.Equal(changed, digest) {
		t.Errorf("a session passes for a token, or %v", err)
	}
}

// TestDigestHolds: when it fails, everybody is signed out by the next release.
func TestDigestHolds(t *testing.T) {
	t.Parallel()
	const text = "tnts_" + "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
	const want = "4a937d54a0e6733680f495dcfb7c5f98e92f91f9ed646628ec25d75a195ee27a"
	if kind, digest, err := Digest(tenant, text); kind != KindSession || hex.EncodeToString(digest) != want || err != nil {
		t.Errorf("digest %x, %v, %v", digest, kind, err)
	}
}

func TestDigestRefuses(t *testing.T) {
	t.Parallel()
	good, _ := Mint(tenant, KindSession)
	bare := good[prefixSize:]
	zeros := "tnts_" + strings.Repeat("A", 43)
	tests := map[string]string{
		"nothing":                "",
		"a prefix":               "tnts_",
		"no prefix":              bare,
		"no prefix, right size":  bare + "AAAAA",
		"another prefix":         "tntx_" + bare,
		"prefix in capitals":     "TNTS_" + bare,
		"prefix without _":       "tnts-" + bare,
		"cut short":              good[:47],
		"cut in front":           good[1:],
		"prolonged":              good + "A",
		"padded":                 good + "=",
		"doubled":                good + good,
		"doubled with comma":     good + "," + good,
		"leading space":          " " + good,
		"trailing space":         good + " ",
		"trailing newline":       good + "\n",
		"newline, right size":    good[:47] + "\n",
		"newline inside":         good[:20] + "\n" + good[20:],
		"inner newline for one":  good[:20] + "\n" + good[21:],
		"inner CR and LF":        good[:20] + "\r\n" + good[22:],
		"space inside":           good[:20] + " " + good[21:],
		"NUL":                    good[:20] + "\x00" + good[21:],
		"quoted":                 `"` + good + `"`,
		"standard alphabet":      "tnts_" + strings.Repeat("+", 43),
		"slash":                  "tnts_" + strings.Repeat("/", 43),
		"trailing bits":          zeros[:47] + "B",
		"trailing bits, highest": zeros[:47] + "D",
		"full-width letters":     "tnts_" + strings.Repeat("Ａ", 15)[:43],
		"hexadecimal":            "tnts_" + strings.Repeat("0f", 32),
		"padding within":         "tnts_" + strings.Repeat("A", 42) + "=",
		"endless":                "tnts_" + strings.Repeat("A", 1<<20),
	}
	for name, text := range tests {
		kind, digest, err := Digest(tenant, text)
		if !errors.Is(err, ErrMalformed) || kind != 0 || digest != nil {
			t.Errorf("%s: read as %v, %x, %v", name, kind, digest, err)
			continue
		}
		if text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v shows it", name, err)
		}
	}
	if _, _, err := Digest(tenant, zeros); err != nil {
		t.Errorf("the text that the tests alter gives %v", err)
	}
}

func TestKindString(t *testing.T) {
	t.Parallel()
	if got := fmt.Sprint(KindSession, KindToken, KindInvitation, Kind(9)); got != "session token invitation kind 9" {
		t.Errorf("kinds are %s", got)
	}
}

// FuzzDigest holds that a credential has one text: whatever is accepted is
// what Mint would have written.
func FuzzDigest(f *testing.F) {
	good, _ := Mint(tenant, KindToken)
	for _, text := range []string{good, "tnts_" + good[prefixSize:], good[:47], good + "=", good[:47] + "\n", "tnti_" + strings.Repeat("A", 43), "tnti_" + strings.Repeat("_", 43)} {
		f.Add(tenant, text)
	}
	f.Fuzz(func(t *testing.T, tenantID, text string) {
		kind, digest, err := Digest(tenantID, text)
		if err != nil {
			if !errors.Is(err, ErrMalformed) || kind != 0 || digest != nil {
				t.Errorf("%q gives %v, %x, %v", text, kind, digest, err)
			}
			return
		}
		secret, err := base64.RawURLEncoding.DecodeString(text[prefixSize:])
		if err != nil || kind.prefix()+base64.RawURLEncoding.EncodeToString(secret) != text {
			t.Errorf("%q is accepted and would be written otherwise", text)
		}
		if !bytes.Equal(digest, digestOf(tenantID, kind, (*[tokenSize]byte)(secret))) {
			t.Errorf("%q has two digests", text)
		}
	})
}

func BenchmarkDigest(b *testing.B) {
	text, _ := Mint(tenant, KindSession)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Digest(tenant, text); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSHA256 is what BenchmarkDigest is compared with: a hash over as
// many bytes as a digest is of.
func BenchmarkSHA256(b *testing.B) {
	message := make([]byte, 23+1+8+len(tenant)+tokenSize)
	b.ReportAllocs()
	for b.Loop() {
		sha256.Sum256(message)
	}
}
