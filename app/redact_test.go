package app

import "testing"

func TestRedact(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"sqlite:master.db":                        "sqlite:master.db",
		"postgres://u:p@h:5432/d":                 "postgres://u:xxxxx@h:5432/d",
		"postgres://u@h/d":                        "postgres://u@h/d",
		"postgres://h/d?password=p&sslmode=allow": "postgres://h/d",
		"postgres://u:p@h:x/d":                    hidden,
		"postgres://u:1#p@h/d":                    hidden,
		"host=h password=p":                       hidden,
		"":                                        "",
	} {
		if got := redact(value); got != want {
			t.Errorf("%q is shown as %q, want %q", value, got, want)
		}
	}
}

func TestServerOf(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"postgres://u:p@h:5432/d":    "h:5432, database d",
		"postgres:///d?host=/run/pg": "/run/pg, database d",
		"postgres:///d":              "the local socket, database d",
		"postgres://u:p@h:x/d":       hidden,
	} {
		if got := serverOf(value); got != want {
			t.Errorf("%q is %q, want %q", value, got, want)
		}
	}
}
