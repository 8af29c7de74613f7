package auth

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

const (
	salt22 = "c2FsdHNhbHRzYWx0c2FsdA"                      // 16 bytes
	key43  = "a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2U" // 32 bytes
)

func TestParseHash(t *testing.T) {
	t.Parallel()
	encoded := "$argon2id$v=19$m=19456,t=2,p=1$" + salt22 + "$" + key43
	h, err := parseHash(encoded)
	if err != nil {
		t.Fatal(err)
	}
	if h.Params != OWASP() || string(h.salt) != strings.Repeat("salt", 4) || !bytes.HasPrefix(h.key, []byte("keykey")) {
		t.Errorf("read %+v", h)
	}
	if h.encode() != encoded {
		t.Errorf("written as %q", h.encode())
	}
	if h.outdated(OWASP()) || !h.outdated(Params{64 * 1024, 3, 4}) {
		t.Error("outdated where it isn't, or the other way round")
	}
}

func TestParseHashTakesOthers(t *testing.T) {
	t.Parallel()
	for _, encoded := range []string{
		"$argon2id$v=19$m=65536,t=3,p=4$" + salt22 + "$" + key43,                           // RFC 9106
		"$argon2id$v=19$m=47104,t=1,p=1$" + salt22 + "$" + key43,                           // OWASP's alternatives
		"$argon2id$v=19$m=7168,t=5,p=1$" + salt22 + "$" + key43,                            //
		"$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$" + key43,                              // a salt of 8 bytes
		"$argon2id$v=19$m=19456,t=2,p=1$" + salt22 + "$" + strings.Repeat("a2V5", 20)[:64], // a key of 48
	} {
		h, err := parseHash(encoded)
		if err != nil {
			t.Errorf("%q: %v", encoded, err)
		} else if !h.outdated(OWASP()) {
			t.Errorf("%q is not outdated", encoded)
		}
	}
}

func TestParseHashRefuses(t *testing.T) {
	t.Parallel()
	with := func(params string) string { return "$argon2id$v=19$" + params + "$" + salt22 + "$" + key43 }
	tests := map[string]string{
		"nothing":             "",
		"a password":          "correct horse battery staple",
		"dollars":             "$$$$$",
		"bcrypt":              "$2b$12$KIXQ4S2yH1fW7jXUu0Yv5eYk3w9Q8zJ6bR2mN4pT7vL1cD5xG9hSa",
		"argon2i":             strings.Replace(with("m=19456,t=2,p=1"), "argon2id", "argon2i", 1),
		"another version":     strings.Replace(with("m=19456,t=2,p=1"), "v=19", "v=16", 1),
		"no version":          strings.Replace(with("m=19456,t=2,p=1"), "v=19$", "", 1),
		"another order":       with("t=2,m=19456,p=1"),
		"a parameter missing": with("m=19456,t=2"),
		"a parameter more":    with("m=19456,t=2,p=1,x=1"),
		"leading zero":        with("m=019456,t=2,p=1"),
		"leading plus":        with("m=+19456,t=2,p=1"),
		"space":               with("m= 19456,t=2,p=1"),
		"negative":            with("m=-1,t=2,p=1"),
		"hexadecimal":         with("m=0x10,t=2,p=1"),
		"much memory":         with("m=65537,t=2,p=1"),
		"all memory":          with("m=4294967295,t=2,p=1"),
		"overflowing memory":  with("m=4294986752,t=2,p=1"),
		"little memory":       with("m=31,t=2,p=4"),
		"no memory":           with("m=0,t=2,p=1"),
		"no pass":             with("m=19456,t=0,p=1"),
		"many passes":         with("m=19456,t=11,p=1"),
		"no lane":             with("m=19456,t=2,p=0"),
		"many lanes":          with("m=19456,t=2,p=5"),
		"overflowing lanes":   with("m=19456,t=2,p=257"),
		"no salt":             "$argon2id$v=19$m=19456,t=2,p=1$$" + key43,
		"short salt":          "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$" + key43,
		"long salt":           "$argon2id$v=19$m=19456,t=2,p=1$" + strings.Repeat("c2Fs", 22) + "$" + key43,
		"no key":              "$argon2id$v=19$m=19456,t=2,p=1$" + salt22 + "$",
		"short key":           "$argon2id$v=19$m=19456,t=2,p=1$" + salt22 + "$a2V5a2V5",
		"long key":            "$argon2id$v=19$m=19456,t=2,p=1$" + salt22 + "$" + strings.Repeat("a2V5", 22),
		"padding":             with("m=19456,t=2,p=1") + "=",
		"trailing bits":       with("m=19456,t=2,p=1")[:len(with("m=19456,t=2,p=1"))-1] + "V",
		"trailing newline":    with("m=19456,t=2,p=1") + "\n",
		"a field more":        with("m=19456,t=2,p=1") + "$",
		"endless":             with("m=19456,t=2,p=1") + strings.Repeat("A", 1<<20),
	}
	for name, encoded := range tests {
		if h, err := parseHash(encoded); !errors.Is(err, ErrMalformedHash) {
			t.Errorf("%s: read %+v, %v", name, h.Params, err)
		}
	}
}

// FuzzParseHash holds that what is accepted stays within the bounds and is
// written as it was read.
func FuzzParseHash(f *testing.F) {
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$" + salt22 + "$" + key43)
	f.Add("$argon2id$v=19$m=4294967295,t=10,p=4$" + salt22 + "$" + key43)
	f.Add("$argon2id$v=19$m=8,t=1,p=1$$")
	f.Fuzz(func(t *testing.T, encoded string) {
		h, err := parseHash(encoded)
		if err != nil {
			return
		}
		if h.Memory > maxMemory || h.Passes > maxPasses || h.Lanes > maxLanes || len(h.key) > 64 || len(h.salt) > 64 {
			t.Errorf("%q asks for %+v", encoded, h.Params)
		}
		if h.encode() != encoded {
			t.Errorf("%q is written as %q", encoded, h.encode())
		}
	})
}
