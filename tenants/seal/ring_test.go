package seal

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
)

const (
	tenant  = "01j9z3k4m5n6p7q8r9s0t1v2w3"
	another = "01j9z3k4m5n6p7q8r9s0t1v2w4"
)

// stored is "secret", sealed for tenant with the key of "a".
const stored = "01d81f9d9bd4b040214bf20c5e348cc343278ac40b803209884f5c8ca3d1cc39c6692c14e1468825b2ab3e0dc2d62682453f1cf32c9576"

func mustDecode(t testing.TB, hexadecimal string) []byte {
	t.Helper()
	content, err := hex.DecodeString(hexadecimal)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func mustSeal(t testing.TB, ring *Ring, tenantID, plaintext string) []byte {
	t.Helper()
	sealed, err := ring.Seal(tenantID, []byte(plaintext))
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func TestSealedOpensForItsTenant(t *testing.T) {
	t.Parallel()
	ring := mustParse(t, textOf("a"))
	for _, plaintext := range []string{"", "x", "correct horse battery staple", strings.Repeat("long", 1<<16)} {
		sealed := mustSeal(t, ring, tenant, plaintext)
		if len(plaintext) > 8 && bytes.Contains(sealed, []byte(plaintext)) {
			t.Errorf("%.20q is sealed in clear", plaintext)
		}
		if len(sealed) != len(plaintext)+49 {
			t.Errorf("%d bytes are sealed in %d", len(plaintext), len(sealed))
		}
		if got, err := ring.Open(tenant, sealed); err != nil || string(got) != plaintext {
			t.Errorf("opened %.20q, %v; want %.20q", got, err, plaintext)
		}
	}
}

func TestSealIsNeverTheSame(t *testing.T) {
	t.Parallel()
	ring := mustParse(t, textOf("a"))
	if bytes.Equal(mustSeal(t, ring, tenant, "secret"), mustSeal(t, ring, tenant, "secret")) {
		t.Error("two values are sealed alike")
	}
}

func TestSealNeedsTenant(t *testing.T) {
	t.Parallel()
	if sealed, err := mustParse(t, textOf("a")).Seal("", []byte("secret")); err == nil {
		t.Errorf("sealed for nobody: %x", sealed)
	}
}

// TestMovedValueFails: a value copied to another tenant's row can't be opened.
func TestMovedValueFails(t *testing.T) {
	t.Parallel()
	ring := mustParse(t, textOf("a"))
	sealed := mustSeal(t, ring, tenant, "secret")
	for _, id := range []string{another, "", tenant + "x", tenant[:25], strings.ToUpper(tenant), tenant + "\x00", "\x00" + tenant} {
		got, err := ring.Open(id, sealed)
		if got != nil || !errors.Is(err, ErrForged) {
			t.Errorf("tenant %q opened %q, %v", id, got, err)
		}
	}
}

// TestBoundariesAreBound: no byte moves between the parts that a value is
// bound to.
func TestBoundariesAreBound(t *testing.T) {
	t.Parallel()
	ring := mustParse(t, textOf("a"))
	sealed := mustSeal(t, ring, "ab", "secret")
	for _, id := range []string{"a", "abs", "b", string(sealed[headerSize-1]) + "ab"} {
		if _, err := ring.Open(id, sealed); !errors.Is(err, ErrForged) {
			t.Errorf("tenant %q gets %v", id, err)
		}
	}
}

func TestEveryBitCounts(t *testing.T) {
	t.Parallel()
	ring := mustParse(t, textOf("a")+","+textOf("b"))
	sealed := mustSeal(t, ring, tenant, "secret")
	for at := range sealed {
		for bit := range 8 {
			altered := bytes.Clone(sealed)
			altered[at] ^= 1 << bit
			got, err := ring.Open(tenant, altered)
			want := ErrForged
			if at >= 1 && at < headerSize {
				want = ErrUnknownKey
			}
			if got != nil || !errors.Is(err, want) {
				t.Errorf("bit %d of byte %d altered: opened %q, %v; want %v", bit, at, got, err, want)
			}
		}
	}
}

// TestKeyIDIsBound: a value that claims another key of the ring fails, and
// doesn't pass for one of an unknown key.
func TestKeyIDIsBound(t *testing.T) {
	t.Parallel()
	ring := mustParse(t, textOf("a")+","+textOf("b"))
	sealed := mustSeal(t, ring, tenant, "secret")
	copy(sealed[1:], ring.keys[1].id[:])
	if _, err := ring.Open(tenant, sealed); !errors.Is(err, ErrForged) {
		t.Errorf("a value under another key's id gives %v", err)
	}
}

func TestEveryLengthCounts(t *testing.T) {
	t.Parallel()
	ring := mustParse(t, textOf("a"))
	sealed := mustSeal(t, ring, tenant, "secret")
	for length := range sealed {
		if got, err := ring.Open(tenant, sealed[:length]); got != nil || !errors.Is(err, ErrForged) {
			t.Errorf("cut to %d bytes: opened %q, %v", length, got, err)
		}
		if got, err := ring.Open(tenant, sealed[length+1:]); err == nil {
			t.Errorf("without the first %d bytes: opened %q", length+1, got)
		}
	}
	for _, longer := range [][]byte{append(bytes.Clone(sealed), 0), append(bytes.Clone(sealed), sealed...)} {
		if _, err := ring.Open(tenant, longer); !errors.Is(err, ErrForged) {
			t.Errorf("prolonged to %d bytes: %v", len(longer), err)
		}
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	before := mustParse(t, textOf("old"))
	during := mustParse(t, textOf("new")+","+textOf("old"))
	after := mustParse(t, textOf("new"))
	sealed := mustSeal(t, before, tenant, "secret")
	if !before.IsCurrent(sealed) || during.IsCurrent(sealed) || after.IsCurrent(sealed) {
		t.Error("a value under the old key is current where it isn't, or the other way round")
	}
	if during.KeyID(sealed) != during.IDs()[1] || after.KeyID(sealed) != before.IDs()[0] {
		t.Errorf("the value's key is %s, want %s", during.KeyID(sealed), before.IDs()[0])
	}
	if _, err := after.Open(tenant, sealed); !errors.Is(err, ErrUnknownKey) || !strings.Contains(err.Error(), before.IDs()[0]) {
		t.Errorf("without its key it gives %v, want the key's id in it", err)
	}
	plaintext, err := during.Open(tenant, sealed)
	if err != nil || string(plaintext) != "secret" {
		t.Fatalf("opened %q, %v", plaintext, err)
	}
	again := mustSeal(t, during, tenant, string(plaintext))
	if !during.IsCurrent(again) || !after.IsCurrent(again) {
		t.Error("the newest key doesn't seal")
	}
	if got, err := after.Open(tenant, again); err != nil || string(got) != "secret" {
		t.Errorf("opened %q, %v", got, err)
	}
}

func TestNoSealedValue(t *testing.T) {
	t.Parallel()
	ring := mustParse(t, textOf("a"))
	for _, value := range [][]byte{nil, {}, {version}, []byte("a password in clear"), make([]byte, minSize)} {
		if ring.IsCurrent(value) || ring.KeyID(value) != "none" {
			t.Errorf("%q is current, or sealed with key %s", value, ring.KeyID(value))
		}
		if _, err := ring.Open(tenant, value); !errors.Is(err, ErrForged) {
			t.Errorf("%q gives %v", value, err)
		}
	}
}

// TestFormatHolds opens a value of the first version. When it fails, sealed
// values that are stored can't be opened any more.
func TestFormatHolds(t *testing.T) {
	t.Parallel()
	if got, err := mustParse(t, textOf("a")).Open(tenant, mustDecode(t, stored)); err != nil || string(got) != "secret" {
		t.Errorf("opened %q, %v", got, err)
	}
}

func TestErrorsTellNoSecret(t *testing.T) {
	t.Parallel()
	ring := mustParse(t, textOf("shibboleth"))
	sealed := mustSeal(t, ring, tenant, "a telling plaintext")
	_, moved := ring.Open(another, sealed)
	_, unknown := mustParse(t, textOf("b")).Open(tenant, sealed)
	for _, err := range []error{moved, unknown} {
		for _, shown := range printed(t, err) {
			checkHidden(t, shown, secretOf("shibboleth"))
			checkHidden(t, shown, []byte("a telling plaintext"))
		}
		if !strings.Contains(err.Error(), `of tenant "`) {
			t.Errorf("%v doesn't name the tenant", err)
		}
	}
}

func TestRingServesManyAtOnce(t *testing.T) {
	t.Parallel()
	ring := mustParse(t, textOf("new")+","+textOf("old"))
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			id := fmt.Sprintf("tenant %d", i)
			for range 200 {
				sealed, err := ring.Seal(id, []byte(id))
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := ring.Open(id, sealed); err != nil || string(got) != id {
					t.Errorf("opened %q, %v; want %q", got, err, id)
				}
			}
		})
	}
	all.Wait()
}

// FuzzOpen holds that nothing opens but what was sealed, for whom it was. The
// value is a fixed one, since fuzzing runs in several processes.
func FuzzOpen(f *testing.F) {
	ring := mustParse(f, textOf("a")+","+textOf("b"))
	sealed := mustDecode(f, stored)
	f.Add(tenant, sealed)
	f.Add(another, sealed)
	f.Add(tenant, sealed[:minSize])
	f.Add("", []byte{})
	f.Add(tenant, append([]byte{version}, ring.keys[1].id[:]...))
	f.Fuzz(func(t *testing.T, tenantID string, value []byte) {
		got, err := ring.Open(tenantID, value)
		if err == nil {
			if tenantID != tenant || !bytes.Equal(value, sealed) || string(got) != "secret" {
				t.Errorf("%x opened for %q: %q", value, tenantID, got)
			}
			return
		}
		if got != nil || !errors.Is(err, ErrForged) && !errors.Is(err, ErrUnknownKey) {
			t.Errorf("%x opened %q, %v", value, got, err)
		}
		if current := ring.IsCurrent(value); current != (ring.KeyID(value) == ring.IDs()[0]) {
			t.Errorf("%x is current: %v, of key %s", value, current, ring.KeyID(value))
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	ring, plaintext := mustParse(b, textOf("a")), secretOf("x")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ring.Seal(tenant, plaintext); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	ring := mustParse(b, textOf("a"))
	sealed := mustSeal(b, ring, tenant, string(secretOf("x")))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ring.Open(tenant, sealed); err != nil {
			b.Fatal(err)
		}
	}
}
