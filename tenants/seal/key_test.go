package seal

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
)

// secretOf is 32 bytes that repeat a text, to be searched for.
func secretOf(word string) []byte { return []byte(strings.Repeat(word, 32)[:32]) }

// textOf is the key of secretOf as people write it down.
func textOf(word string) string { return base64.StdEncoding.EncodeToString(secretOf(word)) }

func mustParse(t testing.TB, text string) *Ring {
	t.Helper()
	ring, err := ParseKeys(text)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func TestParseKeysTakesEveryBase64(t *testing.T) {
	t.Parallel()
	secret := bytes.Repeat([]byte{0xfb, 0xff}, 16) // + and / in base64
	want := mustParse(t, base64.StdEncoding.EncodeToString(secret)).IDs()[0]
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		for _, text := range []string{encoding.EncodeToString(secret), " " + encoding.EncodeToString(secret) + "\n"} {
			if got := mustParse(t, text).IDs(); len(got) != 1 || got[0] != want {
				t.Errorf("%q gave the keys %v, want %s", text, got, want)
			}
		}
	}
}

func TestParseKeysKeepsTheOrder(t *testing.T) {
	t.Parallel()
	a, b, c := textOf("a"), textOf("b"), textOf("c")
	got := mustParse(t, a+", "+b+" ,\n"+c).IDs()
	for i, text := range []string{a, b, c} {
		if key, err := ParseKey(text); err != nil || got[i] != key.ID() {
			t.Errorf("key %d is %s, want %v (%v)", i+1, got[i], key, err)
		}
	}
}

func TestParseKeysSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	good, other := textOf("good"), textOf("other")
	short := base64.StdEncoding.EncodeToString(secretOf("short")[:31])
	tests := []struct{ name, text, want string }{
		{"nothing", "", "the key is empty"},
		{"only space", " \n", "the key is empty"},
		{"only a comma", ",", "key 1 of 2 is empty"},
		{"trailing comma", good + ",", "key 2 of 2 is empty"},
		{"middle missing", good + ",," + other, "key 2 of 3 is empty"},
		{"31 bytes", short, "the key is 31 bytes long"},
		{"31 bytes, second", good + "," + short, "key 2 of 2 is 31 bytes long"},
		{"33 bytes", base64.StdEncoding.EncodeToString(append(secretOf("long"), '!')), "the key is 33 bytes long"},
		{"a passphrase", "correct horse battery staple", "the key is not in base64"},
		{"hexadecimal", hex.EncodeToString(secretOf("x")), "the key is in hexadecimal"},
		{"cut off", good[:40], "the key is 30 bytes long"},
		{"cut off within a byte", good[:41], "not all of it was copied"},
		{"trailing bits", good[:42] + "1", "not in base64"},
		{"padded twice", good + "=", "more than one ="},
		{"padded in front", "=" + good, "not in base64"},
		{"broken line", good[:20] + "\n" + good[20:], "not in base64"},
		{"quoted", `"` + good + `"`, "not in base64"},
		{"semicolon", good + ";" + other, "not in base64"},
		{"twice", good + "," + other + "," + good, "key 3 of 3 is the same as key 1"},
		{"twice, unpadded", good + "," + strings.TrimRight(good, "="), "key 2 of 2 is the same as key 1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := ParseKeys(test.text)
			if _, ok := errors.AsType[*KeyError](err); !ok || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("error %v, want one with %q", err, test.want)
			}
			if !strings.Contains(err.Error(), "openssl rand") {
				t.Errorf("error %q doesn't say what would be right", err)
			}
			for word := range strings.FieldsFuncSeq(test.text, func(r rune) bool { return strings.ContainsRune(",;= \n\"", r) }) {
				if strings.Contains(err.Error(), word) {
					t.Errorf("error %q shows the key", err)
				}
			}
		})
	}
}

func TestParseKeyRefusesTwo(t *testing.T) {
	t.Parallel()
	if _, err := ParseKey(textOf("a") + "," + textOf("b")); err == nil {
		t.Error("two keys pass for one")
	}
}

func TestNewRingNeedsKeys(t *testing.T) {
	t.Parallel()
	for _, keys := range [][]Key{nil, {{}}} {
		if _, err := NewRing(keys...); err == nil || !strings.Contains(err.Error(), "is missing") {
			t.Errorf("NewRing(%v) gave %v", keys, err)
		}
	}
}

func TestGenerateKey(t *testing.T) {
	t.Parallel()
	ring := mustParse(t, GenerateKey()+","+GenerateKey()) // twice the same would be refused
	if len(ring.IDs()) != 2 {
		t.Errorf("keys %v", ring.IDs())
	}
}

// TestKeysAreNotShown prints keys and rings in every way that a log, an error
// or a page would, also as unexported fields, where fmt calls no methods.
func TestKeysAreNotShown(t *testing.T) {
	t.Parallel()
	const word = "shibboleth"
	key, err := ParseKey(textOf(word))
	if err != nil {
		t.Fatal(err)
	}
	ring := mustParse(t, textOf(word))
	type hidden struct {
		key  Key
		ring *Ring
	}
	type open struct {
		Key  Key
		Ring *Ring
		Flat Ring
	}
	values := []any{key, &key, ring, *ring, hidden{key, ring}, &hidden{key, ring}, open{key, ring, *ring}, []Key{key}, map[string]any{"k": key, "r": ring}}
	for _, value := range values {
		for _, shown := range printed(t, value) {
			checkHidden(t, shown, secretOf(word))
		}
	}
	if got := fmt.Sprint(key); got != "key "+key.ID() {
		t.Errorf("a key prints as %q", got)
	}
	if got := fmt.Sprintf("%#v", ring); got != "keys "+key.ID() {
		t.Errorf("a ring prints as %q", got)
	}
	if got := fmt.Sprint(Key{}); got != "no key" {
		t.Errorf("the zero key prints as %q", got)
	}
}

// printed is value in every form.
func printed(t *testing.T, value any) []string {
	t.Helper()
	var forms []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%T", "%w"} {
		forms = append(forms, fmt.Sprintf(verb, value))
	}
	forms = append(forms, fmt.Errorf("use %v", value).Error())
	if text, err := json.Marshal(value); err == nil {
		forms = append(forms, string(text))
	}
	for _, handler := range []func(io.Writer) slog.Handler{
		func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
		func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
	} {
		var log bytes.Buffer
		slog.New(handler(&log)).Info("shown", "value", value, slog.Group("group", "value", value))
		forms = append(forms, log.String())
	}
	return forms
}

// checkHidden looks for a secret in what is shown.
func checkHidden(t *testing.T, shown string, secret []byte) {
	t.Helper()
	if shows(shown, secret) {
		t.Errorf("%q shows the secret", shown)
	}
}

// shows reports whether a secret is in a text, as any verb would write it.
func shows(text string, secret []byte) bool {
	list := strings.Trim(fmt.Sprint(secret), "[]")
	beginnings := []string{
		string(secret[:8]), list[:20], strings.ReplaceAll(list, " ", ",")[:20],
		hex.EncodeToString(secret[:8]), strings.ToUpper(hex.EncodeToString(secret[:8])),
		base64.StdEncoding.EncodeToString(secret)[:8], fmt.Sprintf("%#v", secret)[7:27],
	}
	return slices.ContainsFunc(beginnings, func(beginning string) bool { return strings.Contains(text, beginning) })
}

// TestShows: a check that finds nothing would pass everything.
func TestShows(t *testing.T) {
	t.Parallel()
	secret := secretOf("shibboleth")
	for _, verb := range []string{"%v", "%s", "%q", "%x", "%X", "%#v", "%d"} {
		if shown := fmt.Sprintf(verb, secret); !shows(shown, secret) {
			t.Errorf("%q is not found out", shown)
		}
	}
	if !shows(textOf("shibboleth"), secret) || shows("nothing", secret) {
		t.Error("base64 is not found out, or nothing is")
	}
}

// FuzzParseKeys holds that what is accepted seals and opens, and that an error
// shows nothing of what was refused.
func FuzzParseKeys(f *testing.F) {
	for _, text := range []string{"", ",", textOf("a"), textOf("a") + "," + textOf("b"), textOf("a")[:42] + "1=", hex.EncodeToString(secretOf("a")), "a\nb"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ring, err := ParseKeys(text)
		if err != nil {
			for word := range strings.SplitSeq(text, ",") {
				if len(word) > 20 && strings.Contains(err.Error(), word) && !strings.Contains(WantKeys, word) {
					t.Errorf("error %q shows %q", err, word)
				}
			}
			return
		}
		if words := strings.Count(text, ",") + 1; len(ring.IDs()) != words {
			t.Errorf("%d keys of %d", len(ring.IDs()), words)
		}
		sealed, err := ring.Seal("tenant", []byte("secret"))
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := ring.Open("tenant", sealed); err != nil || string(plain) != "secret" {
			t.Errorf("opened %q, %v", plain, err)
		}
	})
}
