package auth

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestBearer(t *testing.T) {
	t.Parallel()
	tests := []struct {
		header, want string
		err          error
	}{
		{"Bearer abc", "abc", nil},
		{"bearer abc", "abc", nil},
		{"BEARER abc", "abc", nil},
		{"bEaReR   abc", "abc", nil},
		{"Bearer aZ09-._~+/==", "aZ09-._~+/==", nil},

		{"Basic dXNlcjpwYXNz", "", ErrMissing},
		{"Bearers abc", "", ErrMissing},
		{"Bearertnts_abc", "", ErrMissing},
		{"Digest username=\"x\"", "", ErrMissing},
		{"Negotiate", "", ErrMissing},

		{"", "", ErrMalformed},
		{" ", "", ErrMalformed},
		{"Bearer", "", ErrMalformed},
		{"Bearer ", "", ErrMalformed},
		{"Bearer  ", "", ErrMalformed},
		{" Bearer abc", "", ErrMalformed},
		{"Bearer abc ", "", ErrMalformed},
		{"Bearer abc def", "", ErrMalformed},
		{"Bearer abc,def", "", ErrMalformed},
		{"Bearer abc, Bearer def", "", ErrMalformed},
		{"Bearer Bearer abc", "", ErrMalformed},
		{"Bearer\tabc", "", ErrMalformed},
		{"Bearer \tabc", "", ErrMalformed},
		{"Bearer abc\r\nX: y", "", ErrMalformed},
		{"Bearer =", "", ErrMalformed},
		{"Bearer a=b", "", ErrMalformed},
		{"Bearer token=abc", "", ErrMalformed},
		{"Bearer \"abc\"", "", ErrMalformed},
		{"Bearer äbc", "", ErrMalformed},
		{"Bearer abc\x00", "", ErrMalformed},
		{"Bearer: abc", "", ErrMalformed},
		{"Béarer abc", "", ErrMalformed},
		{"Bearer\u00a0abc", "", ErrMalformed},
	}
	for _, test := range tests {
		if got, err := Bearer(test.header); got != test.want || !errors.Is(err, test.err) {
			t.Errorf("Bearer(%q) = %q, %v; want %q, %v", test.header, got, err, test.want, test.err)
		}
	}
}

func TestCookieName(t *testing.T) {
	t.Parallel()
	if CookieName(true) != "__Host-session" || CookieName(false) != "session" {
		t.Errorf("names are %s and %s", CookieName(true), CookieName(false))
	}
}

// headers are lines of a request, "Name: value" each.
func headers(lines ...string) http.Header {
	h := http.Header{}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		h.Add(name, value)
	}
	return h
}

func TestFromHeader(t *testing.T) {
	t.Parallel()
	session, _ := Mint(tenant, KindSession)
	other, _ := Mint(tenant, KindSession)
	token, _ := Mint(tenant, KindToken)
	invitation, _ := Mint(tenant, KindInvitation)
	cookie, bearer := "Cookie: session="+session, "Authorization: Bearer "
	tests := []struct {
		name   string
		header http.Header
		text   string // whose digest is presented
		source Source
		err    error
	}{
		{"session as bearer", headers(bearer + session), session, SourceHeader, nil},
		{"token as bearer", headers(bearer + token), token, SourceHeader, nil},
		{"cookie", headers(cookie), session, SourceCookie, nil},
		{"cookie among others", headers("Cookie: a=b; session=" + session + "; c=d"), session, SourceCookie, nil},
		{"cookie on a line of its own", headers("Cookie: a=b", cookie), session, SourceCookie, nil},
		{"cookie with spaces around", headers("Cookie: a=b;   session = " + session + " ;"), session, SourceCookie, nil},
		{"bearer and cookie", headers(bearer+token, cookie), token, SourceHeader, nil},
		{"bearer and doubled cookie", headers(bearer+token, cookie, cookie), token, SourceHeader, nil},
		{"other names", headers(cookie + "; xsession=1; session2=2; Session=3; __Host-session=" + other), session, SourceCookie, nil},
		{"another scheme and cookie", headers("Authorization: Basic dXNlcjpwYXNz", cookie), session, SourceCookie, nil},

		{"nothing", headers(), "", 0, ErrMissing},
		{"no header", nil, "", 0, ErrMissing},
		{"empty cookies", headers("Cookie: "), "", 0, ErrMissing},
		{"other cookies", headers("Cookie: a=" + session + "; __Host-session=" + session), "", 0, ErrMissing},
		{"another scheme", headers("Authorization: Basic dXNlcjpwYXNz"), "", 0, ErrMissing},
		{"other headers", headers("X-Authorization: Bearer "+token, "Proxy-Authorization: Bearer "+token), "", 0, ErrMissing},

		{"two bearers", headers(bearer+token, bearer+token), "", 0, ErrMalformed},
		{"two schemes", headers(bearer+token, "Authorization: Basic dXNlcjpwYXNz"), "", 0, ErrMalformed},
		{"two bearers and cookie", headers(bearer+token, bearer+session, cookie), "", 0, ErrMalformed},
		{"list of bearers", headers(bearer + token + ", Bearer " + session), "", 0, ErrMalformed},
		{"empty Authorization", headers("Authorization: ", cookie), "", 0, ErrMalformed},
		{"foreign bearer and cookie", headers(bearer+"abc", cookie), "", 0, ErrMalformed},
		{"bearer cut short and cookie", headers(bearer+token[:40], cookie), "", 0, ErrMalformed},
		{"doubled cookie", headers(cookie + "; session=" + other), "", 0, ErrMalformed},
		{"doubled alike", headers(cookie + "; session=" + session), "", 0, ErrMalformed},
		{"doubled on two lines", headers(cookie, "Cookie: session="+other), "", 0, ErrMalformed},
		{"doubled with an empty one", headers(cookie + "; session="), "", 0, ErrMalformed},
		{"doubled without =", headers(cookie + "; session"), "", 0, ErrMalformed},
		{"doubled with space", headers(cookie + "; session =" + other), "", 0, ErrMalformed},
		{"empty cookie", headers("Cookie: session="), "", 0, ErrMalformed},
		{"quoted cookie", headers(`Cookie: session="` + session + `"`), "", 0, ErrMalformed},
		{"cookie with a comma", headers(cookie + ",session=" + other), "", 0, ErrMalformed},
		{"cookie cut short", headers(cookie[:40]), "", 0, ErrMalformed},
		{"token as cookie", headers("Cookie: session=" + token), "", 0, ErrMalformed},
		{"invitation as cookie", headers("Cookie: session=" + invitation), "", 0, ErrMalformed},
		{"invitation as bearer", headers(bearer + invitation), "", 0, ErrMalformed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := FromHeader(tenant, test.header, CookieName(false))
			if !errors.Is(err, test.err) {
				t.Fatalf("error %v, want %v", err, test.err)
			}
			if err != nil {
				if got.Digest != nil || strings.Contains(err.Error(), "tnt") {
					t.Errorf("presented %+v with the error %v", got, err)
				}
				return
			}
			kind, digest, err := Digest(tenant, test.text)
			if err != nil {
				t.Fatal(err)
			}
			if got.Kind != kind || got.Source != test.source || !bytes.Equal(got.Digest, digest) {
				t.Errorf("presented %v from the %v", got.Kind, got.Source)
			}
		})
	}
}

func TestFromHeaderOverTLS(t *testing.T) {
	t.Parallel()
	session, digest := Mint(tenant, KindSession)
	tossed, _ := Mint(tenant, KindSession)
	h := headers("Cookie: session=" + tossed + "; __Host-session=" + session)
	if got, err := FromHeader(tenant, h, CookieName(true)); err != nil || !bytes.Equal(got.Digest, digest) {
		t.Errorf("presented %v from the %v, %v", got.Kind, got.Source, err)
	}
}

// TestFromHeaderAtAnotherTenant: what is looked up there is stored nowhere.
func TestFromHeaderAtAnotherTenant(t *testing.T) {
	t.Parallel()
	session, digest := Mint(tenant, KindSession)
	got, err := FromHeader(another, headers("Authorization: Bearer "+session), CookieName(false))
	if err != nil || bytes.Equal(got.Digest, digest) {
		t.Errorf("the digest is the same, or %v", err)
	}
}

// TestPresentedIsNoSecret: what goes on in a request's context can be printed.
func TestPresentedIsNoSecret(t *testing.T) {
	t.Parallel()
	session, _ := Mint(tenant, KindSession)
	got, err := FromHeader(tenant, headers("Authorization: Bearer "+session), CookieName(false))
	if err != nil {
		t.Fatal(err)
	}
	secret, err := encoding.DecodeString(session[prefixSize:])
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		shown := fmt.Sprintf(verb, got)
		for _, form := range []string{session[prefixSize:], string(secret), fmt.Sprintf("%x", secret), strings.Trim(fmt.Sprint(secret), "[]")} {
			if strings.Contains(shown, form) {
				t.Errorf("%q shows the credential", shown)
			}
		}
	}
	if shown := fmt.Sprint(SourceHeader, SourceCookie, Source(0)); shown != "header cookie nowhere" {
		t.Errorf("sources are %s", shown)
	}
}

// FuzzBearer holds that what is accepted is one token, written as it was read.
func FuzzBearer(f *testing.F) {
	for _, header := range []string{"Bearer abc", "bearer  a=", "Basic abc", "Bearer a, Bearer b", "Bearer", "", "Bearer\tabc"} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		text, err := Bearer(header)
		if err != nil {
			if text != "" || !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrMissing) {
				t.Errorf("%q gives %q, %v", header, text, err)
			}
			return
		}
		if again, err := Bearer("Bearer " + text); again != text || err != nil {
			t.Errorf("%q gives %q, which gives %q, %v", header, text, again, err)
		}
		if !strings.HasSuffix(header, " "+text) || strings.ContainsAny(text, " ,;\"\t\r\n") {
			t.Errorf("%q gives %q", header, text)
		}
	})
}

// FuzzFromHeader holds that a credential is found only when it is in the
// request in clear, once, and that net/http finds the same cookie.
func FuzzFromHeader(f *testing.F) {
	session, _ := Mint(tenant, KindSession)
	token, _ := Mint(tenant, KindToken)
	f.Add("Bearer "+token, "session="+session, "")
	f.Add("", "a=b; session="+session, "c=d")
	f.Add("", "session="+session, "session="+session)
	f.Add("Basic abc", `session="`+session+`"`, "session")
	f.Fuzz(func(t *testing.T, authorization, first, second string) {
		h := http.Header{"Cookie": {first, second}}
		if authorization != "" {
			h.Set("Authorization", authorization)
		}
		got, err := FromHeader(tenant, h, CookieName(false))
		if err != nil {
			if got.Digest != nil || !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrMissing) {
				t.Errorf("%q gives %+v, %v", h, got, err)
			}
			return
		}
		text := strings.TrimLeft(authorization[min(len("Bearer"), len(authorization)):], " ")
		if got.Source == SourceCookie {
			cookies := (&http.Request{Header: h}).CookiesNamed(CookieName(false))
			if len(cookies) != 1 {
				t.Fatalf("net/http finds %d cookies in %q", len(cookies), h)
			}
			text = cookies[0].Value
		}
		kind, digest, err := Digest(tenant, text)
		if err != nil || kind != got.Kind || !bytes.Equal(digest, got.Digest) || !got.Source.carries(kind) {
			t.Errorf("%q gives %v from the %v", h, got.Kind, got.Source)
		}
	})
}

func BenchmarkFromHeader(b *testing.B) {
	session, _ := Mint(tenant, KindSession)
	for name, h := range map[string]http.Header{
		"bearer": headers("Authorization: Bearer " + session),
		"cookie": headers("Cookie: theme=dark; session=" + session + "; consent=1"),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := FromHeader(tenant, h, "session"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
