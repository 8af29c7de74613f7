package app

import (
	"testing"
)

func TestRedact(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"master.db":                 "master.db",
		"sqlite:master.db":          "sqlite:master.db",
		"sqlite:/srv/app/master.db": "sqlite:/srv/app/master.db",
		"sqlite:master.db?_auth=p":  "sqlite:…",
		"sqlite://u:p@h/d":          "sqlite://…",
		"sqlite:u:p":                "sqlite:…",
		"mysql://root@localhost/x":  "mysql://…",
		"postgres:u:p@h/d":          "postgres:…",
		"host=h password=p":         hidden,
		"u@h:p":                     hidden,
		"":                          "",
	} {
		if got := redactURL(value); got != want {
			t.Errorf("%q is shown as %q, want %q", value, got, want)
		}
	}
}
