package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"golang.org/x/crypto/argon2"
)

const password = "correct horse battery staple"

// quick are parameters for tests.
func quick() Params { return Params{Memory: 8, Passes: 1, Lanes: 1} }

func mustHash(t testing.TB, h *Hasher, password string) string {
	t.Helper()
	encoded, err := h.Hash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

// mustVerify is whether encoded is the password's.
func mustVerify(t testing.TB, h *Hasher, encoded, password string) bool {
	t.Helper()
	ok, _, err := h.Verify(t.Context(), encoded, password)
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

func TestVerify(t *testing.T) {
	t.Parallel()
	h := NewHasherWith(quick(), 1)
	for _, set := range []string{password, "abcdefghijkl", strings.Repeat("x", 1024), "🔑🔒🗝 café", "abc\x00def\x00ghij"} {
		encoded := mustHash(t, h, set)
		if strings.Contains(encoded, set) || !strings.HasPrefix(encoded, "$argon2id$v=19$m=8,t=1,p=1$") {
			t.Errorf("%.20q is stored as %q", set, encoded)
		}
		if ok, outdated, err := h.Verify(t.Context(), encoded, set); !ok || outdated || err != nil {
			t.Errorf("%.20q is right: %v, outdated: %v, %v", set, ok, outdated, err)
		}
		for _, tried := range []string{"", set + " ", " " + set, set[:len(set)-1], strings.ToUpper(set), set + set, set + "\x00"} {
			if ok, outdated, err := h.Verify(t.Context(), encoded, tried); ok && tried != set || outdated || err != nil {
				t.Errorf("%.20q passes for %.20q: %v, outdated: %v, %v", tried, set, ok, outdated, err)
			}
		}
	}
}

func TestVerifyNormalised(t *testing.T) {
	t.Parallel()
	h := NewHasherWith(quick(), 1)
	if encoded := mustHash(t, h, "caf\u00e9 au lait"); !mustVerify(t, h, encoded, "cafe\u0301 au lait") {
		t.Error("an é of two characters is not that of one")
	}
}

func TestHashIsSalted(t *testing.T) {
	t.Parallel()
	h := NewHasherWith(quick(), 1)
	if first, second := mustHash(t, h, password), mustHash(t, h, password); first == second {
		t.Error("two hashes of a password are the same")
	}
}

func TestHashKeepsTheRules(t *testing.T) {
	t.Parallel()
	h := NewHasherWith(quick(), 1)
	for _, refused := range []string{"short", strings.Repeat("x", 1025), "abcdefghijkl\xff"} {
		encoded, err := h.Hash(t.Context(), refused)
		if _, ok := errors.AsType[*PasswordError](err); !ok || encoded != "" {
			t.Errorf("%.20q gives %q, %v", refused, encoded, err)
		}
		if strings.Contains(err.Error(), refused) {
			t.Errorf("%v shows the password", err)
		}
	}
}

// TestNothingIsCutOff: passwords that differ in their last byte are two.
func TestNothingIsCutOff(t *testing.T) {
	t.Parallel()
	h := NewHasherWith(quick(), 1)
	long := strings.Repeat("x", 1023)
	encoded := mustHash(t, h, long+"a")
	if mustVerify(t, h, encoded, long+"b") || mustVerify(t, h, encoded, long) || mustVerify(t, h, encoded, long+"aa") {
		t.Error("another password passes")
	}
}

// TestVerifyTakesOldPasswords: newer rules don't affect existing passwords.
func TestVerifyTakesOldPasswords(t *testing.T) {
	t.Parallel()
	h := NewHasherWith(quick(), 1)
	salt := random(saltSize)
	old := hash{quick(), salt, argon2.IDKey([]byte("short"), salt, 1, 8, 1, keySize)}
	if !mustVerify(t, h, old.encode(), "short") {
		t.Error("a password under an older rule is refused")
	}
}

func TestVerifyTellsOutdated(t *testing.T) {
	t.Parallel()
	before, now := NewHasherWith(quick(), 1), NewHasherWith(Params{Memory: 16, Passes: 2, Lanes: 1}, 1)
	encoded := mustHash(t, before, password)
	if ok, outdated, err := now.Verify(t.Context(), encoded, password); !ok || !outdated || err != nil {
		t.Errorf("right: %v, outdated: %v, %v", ok, outdated, err)
	}
	if ok, outdated, err := now.Verify(t.Context(), encoded, "something else"); ok || outdated || err != nil {
		t.Errorf("wrong and outdated: %v, %v, %v", ok, outdated, err)
	}
}

// TestVerifyKnownHash is the vector of the reference implementation
// (phc-winner-argon2, src/test.c: argon2id, v=19, t=2, m=2^8, p=1).
func TestVerifyKnownHash(t *testing.T) {
	t.Parallel()
	const encoded = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	h := NewHasherWith(quick(), 1)
	if !mustVerify(t, h, encoded, "password") || mustVerify(t, h, encoded, "passwore") {
		t.Error("the reference implementation's hash is another's")
	}
}

func TestVerifyMalformedHash(t *testing.T) {
	t.Parallel()
	h := NewHasherWith(quick(), 1)
	h.derive = func([]byte, []byte, uint32, uint32, uint8, uint32) []byte {
		t.Error("a malformed hash is worked on")
		return nil
	}
	for _, encoded := range []string{"", "password in clear", "$argon2id$v=19$m=4294967295,t=2,p=1$" + salt22 + "$" + key43} {
		ok, _, err := h.Verify(t.Context(), encoded, password)
		if ok || !errors.Is(err, ErrMalformedHash) || encoded != "" && strings.Contains(err.Error(), encoded) {
			t.Errorf("%q gives %v, %v", encoded, ok, err)
		}
	}
}

// work records what a hasher spends: parameters and sizes.
func work(h *Hasher) *[]string {
	var done []string
	h.derive = func(_, salt []byte, passes, memory uint32, lanes uint8, size uint32) []byte {
		done = append(done, fmt.Sprint(len(salt), passes, memory, lanes, size))
		return make([]byte, size)
	}
	return &done
}

// TestVerifyNobodyTakesAsLong compares the work, which, unlike the time, is the same
// on every machine.
func TestVerifyNobodyTakesAsLong(t *testing.T) {
	t.Parallel()
	h := NewHasher(1)
	done := work(h)
	for _, tried := range []string{password, "short", "", strings.Repeat("x", 1024), strings.Repeat("x", 1025), "no UTF-8\xff"} {
		*done = nil
		if ok := mustVerify(t, h, "$argon2id$v=19$m=19456,t=2,p=1$"+salt22+"$"+key43, tried); ok {
			t.Errorf("%.20q is right", tried)
		}
		if err := h.VerifyNobody(t.Context(), tried); err != nil {
			t.Fatal(err)
		}
		if len(*done)%2 != 0 || len(*done) == 2 && (*done)[0] != (*done)[1] {
			t.Errorf("%.20q: the work is %q", tried, *done)
		}
	}
}

// TestHasherBounds: no more passwords than allowed are hashed at once, and
// a waiting call returns when its context ends.
func TestHasherBounds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const parallel, callers = 2, 7
		h := NewHasherWith(quick(), parallel)
		entered, leave := make(chan struct{}, callers), make(chan struct{})
		h.derive = func(_, _ []byte, _, _ uint32, _ uint8, size uint32) []byte {
			entered <- struct{}{}
			<-leave
			return make([]byte, size)
		}
		ctx, cancel := context.WithCancel(t.Context())
		errs := make(chan error, callers)
		for i := range callers {
			go func() { errs <- call(ctx, h, i) }()
		}
		synctest.Wait()
		if len(entered) != parallel {
			t.Errorf("%d are hashed at once, want %d", len(entered), parallel)
		}
		cancel()
		synctest.Wait()
		if len(errs) != callers-parallel {
			t.Errorf("%d left when the context ended, want %d", len(errs), callers-parallel)
		}
		for range len(errs) {
			if err := <-errs; !errors.Is(err, context.Canceled) {
				t.Errorf("who waited got %v", err)
			}
		}
		close(leave)
		for range parallel {
			if err := <-errs; err != nil {
				t.Errorf("who was at it got %v", err)
			}
		}
	})
}

// call hashes in one of the three ways.
func call(ctx context.Context, h *Hasher, way int) error {
	switch way % 3 {
	case 0:
		_, err := h.Hash(ctx, password)
		return err
	case 1:
		_, _, err := h.Verify(ctx, h.nobody, password)
		return err
	}
	return h.VerifyNobody(ctx, password)
}

func TestHasherServesManyAtOnce(t *testing.T) {
	t.Parallel()
	h := NewHasherWith(quick(), 0)
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			own := fmt.Sprintf("%s %d", password, i)
			encoded, err := h.Hash(t.Context(), own)
			if err != nil {
				t.Error(err)
				return
			}
			if ok, _, err := h.Verify(t.Context(), encoded, own); !ok || err != nil {
				t.Errorf("password %d is wrong, %v", i, err)
			}
		})
	}
	all.Wait()
}

func TestNewHasherWithPanics(t *testing.T) {
	t.Parallel()
	for _, params := range []Params{{}, {Memory: 7, Passes: 1, Lanes: 1}, {Memory: 1 << 30, Passes: 1, Lanes: 1}, {Memory: 64, Passes: 0, Lanes: 1}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%+v pass", params)
				}
			}()
			NewHasherWith(params, 1)
		}()
	}
}

// TestNewHasher hashes once at the real cost.
func TestNewHasher(t *testing.T) {
	t.Parallel()
	h := NewHasher(0)
	encoded := mustHash(t, h, password)
	if !strings.HasPrefix(encoded, "$argon2id$v=19$m=19456,t=2,p=1$") || !mustVerify(t, h, encoded, password) {
		t.Errorf("%q is stored, and verifies wrongly", encoded)
	}
}

func BenchmarkVerify(b *testing.B) {
	h := NewHasher(1)
	b.ReportAllocs()
	for b.Loop() {
		if err := h.VerifyNobody(b.Context(), password); err != nil {
			b.Fatal(err)
		}
	}
}
