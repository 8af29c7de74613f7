package postgres

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"tenantry/tenants"
)

func TestInvalidURLKeepsItsPassword(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"postgres://user:hunter2@host:port/postgres",
		"postgres://user:hunter2@host:99999999/postgres",
		"postgres://user:hun/ter2@host/postgres",
		"postgres://user:hun%ter2@host/postgres",
		"postgres://user:hun@ter2@127.0.0.1:1/postgres",
		"postgres://user:1/hun@ter2@127.0.0.1:1/postgres",
		"postgres://host?password=hun@ter2",
		"postgres://user:hunter2@host/postgres?sslmode=hunter2",
		"postgres://user:hunter2@host/postgres?connect_timeout=hunter2",
		"postgres://user:@host/postgres?pass%77ord=hunter2&sslmode=no",
		"host=h password=hunter2 sslmode=no",
		"password='hun ter2' port=x",
		"hunter2",
	} {
		_, err := New(t.Context(), configAt(t, url))
		if err == nil {
			t.Errorf("%s was accepted", url)
			continue
		}
		_, masterErr := OpenMaster(t.Context(), MasterConfig{URL: url})
		for _, text := range []string{err.Error(), fmt.Sprintf("%+v %#v", err, err), fmt.Sprint(masterErr)} {
			if strings.Contains(text, "hun") || strings.Contains(text, "ter2") {
				t.Errorf("%s shows in %s", url, text)
			}
		}
	}
}

// FuzzURLKeepsItsPassword: a password that was not escaped is either read as
// it stands, or refused without a part of it, and no part becomes a host, a user
// or a database.
func FuzzURLKeepsItsPassword(f *testing.F) {
	for _, between := range []string{"", "@", "/", "1/", "12?", "#", "?", "?user=", "@b?user=", "@b/", "%", "%40", "%2f", ":", "[", " ", "&a=", ",", "\x00", "\n"} {
		f.Add(between)
	}
	const head, tail = "Summer", "ZKennwort"
	f.Fuzz(func(t *testing.T, between string) {
		for _, form := range []string{
			"postgres://tenantry:%s@127.0.0.1:1/m", "postgresql://:%s@[::1],h:2/m?sslmode=disable", "postgres://tenantry:%s@/m?host=/run", "postgres://%s@h/m",
		} {
			password := head + between + tail
			url := fmt.Sprintf(form, password)
			config, err := parseURL(url)
			var bad *URLError
			if err != nil {
				if !errors.As(err, &bad) || strings.Contains(err.Error(), tail) || strings.Contains(err.Error(), head) {
					t.Errorf("%q: %v", url, err)
				}
				if _, err := sourceServer(url); err == nil || strings.Contains(err.Error(), tail) {
					t.Errorf("%q as a source: %v", url, err)
				}
				continue
			}
			if !strings.HasSuffix(config.User+config.Password, tail) || strings.Contains(addressOf(config.ConnConfig)+config.Database, tail) {
				t.Errorf("%q leads to %s, database %s, as %s", url, addressOf(config.ConnConfig), config.Database, config.User)
			}
		}
	})
}

// TestURLsThatPgxReads are accepted, and read as pgx reads them.
func TestURLsThatPgxReads(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	passwords, services := filepath.Join(dir, "pass"), filepath.Join(dir, "services")
	err := errors.Join(os.WriteFile(passwords, []byte("h:5432:m:u:secret\n"), 0o600), os.WriteFile(services, []byte("[db]\nhost=h\ndbname=m\nuser=u\n"), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	for url, where := range map[string]string{
		"postgres:///m?host=/run/postgresql":                   "/run/postgresql, database m",
		"postgresql:///m?host=/run/postgresql&port=6432":       "/run/postgresql, database m",
		"postgres://%2Frun%2Fpostgresql/m":                     "/run/postgresql, database m",
		"postgres://u:p@h/m":                                   "h:5432, database m",
		"postgres://u:p%40%3A%2F%3F%23%25@h:1/m":               "h:1, database m",
		"postgres://u:p#?!:w@h:1/m":                            "h:1, database m",
		"postgres://u@one:1,two:2,three/m?sslmode=disable":     "one:1,two:2,three:5432, database m",
		"postgres://u@[::1]:1/m":                               "[::1]:1, database m",
		"postgres://h?dbname=m&user=u&password=p%40w":          "h:5432, database m",
		"postgres://h/a%40b%2Fc":                               "h:5432, database a@b/c",
		"postgres://h/m?target_session_attrs=read-write":       "h:5432, database m",
		"postgres://h/m?search_path=public":                    "h:5432, database m",
		"postgres://h/m?statement_timeout=1000":                "h:5432, database m",
		"postgres://u@h/m?passfile=" + passwords:               "h:5432, database m",
		"postgres://?service=db&servicefile=" + services:       "h:5432, database m",
		"postgres://h/m?options=-c%20statement_timeout%3D1000": "h:5432, database m",
	} {
		config, err := parseURL(url)
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		plain, err := pgx.ParseConfig(url)
		if err != nil {
			t.Fatal(err)
		}
		if config.Password != plain.Password || config.User != plain.User || DescribeURL(url) != where {
			t.Errorf("%s is %s, want %s", url, DescribeURL(url), where)
		}
	}
}

// TestURLsThatAreRefused says why, as pgx does.
func TestURLsThatAreRefused(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"postgres://h/m?target_session_attrs=standby":        "standby",
		"postgres://h/m?target_session_attrs=read-only":      "standby",
		"postgres://h/m?target_session_attrs=prefer-standby": "standby",
		"postgres://h":                                           "no database",
		"postgres:h/m":                                           "doesn't begin with",
		"host=h dbname=m":                                        "doesn't begin with",
		"postgres://u:p@h:0/m":                                   "a port",
		"postgres://u:p@h:5432x/m":                               "a port",
		"postgres://h1,h2,h3:1,h4:2/m?port=1,2":                  "several ports",
		"postgres://h/m?sslmode=on":                              "sslmode",
		"postgres://h/m?sslrootcert=/nowhere":                    "sslrootcert",
		"postgres://h/m?sslcert=/nowhere":                        "sslcert",
		"postgres://h/m?sslcert=/no&sslkey=/no":                  "sslkey",
		"postgres://h/m?connect_timeout=1s":                      "connect_timeout",
		"postgres://h/m?target_session_attrs=write":              "target_session_attrs",
		"postgres://h/m?channel_binding=no":                      "channel_binding",
		"postgres://h/m?sslcertmode=no":                          "sslcertmode",
		"postgres://h/m?require_auth=none,!md5":                  "require_auth",
		"postgres://h/m?min_protocol_version=2":                  "protocol_version",
		"postgres://h/m?max_protocol_version=2":                  "protocol_version",
		"postgres://h/m?statement_cache_capacity=x":              "capacity",
		"postgres://h/m?default_query_exec_mode=x":               "default_query_exec_mode",
		"postgres://h/m?default_query_exec_mode=simple_protocol": "simple_protocol",
		"postgres://h/m?service=nowhere&servicefile=/nowhere":    "service file",
		"postgres://h/m?a":                                       "options",
		"postgres://h/m?a=b=c":                                   "options",
		"postgres://u:%zz@h/m":                                   "%25",
		"postgres://u:%00@h/m":                                   "NUL",
		"postgres://u:a b@h/m":                                   "%20",
		"postgres://[::1/m":                                      "IPv6",
		"postgres://[::1]x/m":                                    "IPv6",
		"postgres://a$b/m":                                       "host",
		"postgres://u:a@b@h/m":                                   "%40",
		"postgres://h/m?search_path=other":                       "search_path",
		"postgres://h/m?SEARCH_PATH=other,public":                "search_path",
		"postgres://h/m?options=-csearch_path%3Dx":               "search_path",
		"postgres://h/m?options=--Search-Path%3Dx":               "search_path",
		`postgres://h/m?options=-c%20search\_path%3Dx`:           "search_path",
	} {
		var bad *URLError
		if err := CheckURL(url); !errors.As(err, &bad) || !strings.Contains(bad.Reason, want) {
			t.Errorf("%s: %v, want %q", url, err, want)
		}
		var source *tenants.SourceError
		if _, err := sourceServer(url); !errors.As(err, &source) {
			t.Errorf("%s as a source: %v", url, err)
		}
	}
}

func TestFailingConnectKeepsItsPassword(t *testing.T) {
	t.Parallel()
	_, err := New(t.Context(), configAt(t, "postgres://user:hunter2@/postgres?host=/nowhere"))
	if err == nil || strings.Contains(fmt.Sprintf("%v %+v", err, err), "hunter2") {
		t.Errorf("error %v", err)
	}
}

func TestURLMayNameTheApplication(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"postgres://h/d":                        "tenantry",
		"postgres://h/d?application_name=other": "other",
	} {
		config, err := parseURL(url)
		if err != nil {
			t.Fatal(err)
		}
		if got := config.RuntimeParams["application_name"]; got != want {
			t.Errorf("%s: application name %q", url, got)
		}
	}
}
