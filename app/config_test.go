package app

import (
	"errors"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"tenantry/tenants/sqlite"
)

// defaults is a Config as the command line makes it of no arguments.
func defaults() Config {
	var c Config
	fields := reflect.ValueOf(&c).Elem()
	for _, field := range reflect.VisibleFields(fields.Type()) {
		if field.Type.Kind() == reflect.String {
			fields.FieldByIndex(field.Index).SetString(field.Tag.Get("default"))
		}
	}
	return c
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	got, err := defaults().validate()
	if err != nil {
		t.Fatal(err)
	}
	if got.masterPath != filepath.Join("data", "master.db") || got.postgresURL != "" {
		t.Errorf("master %q %q", got.masterPath, got.postgresURL)
	}
	if got.domain.String() != "localhost" || got.addr != "127.0.0.1:8080" || got.operator != "127.0.0.1:8081" {
		t.Errorf("%s %s %s", got.domain, got.addr, got.operator)
	}
	if got.instanceTTL != 15*time.Second || got.by == "" {
		t.Errorf("%v %q", got.instanceTTL, got.by)
	}
	if got.durability != sqlite.Full || got.files.tenants < 2 || got.files.tenants > 2000 || got.proxies != nil {
		t.Errorf("%s %d %v", got.durability, got.files.tenants, got.proxies)
	}
}

func TestDatabaseURL(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"sqlite:master.db":                   filepath.Join("folder", "master.db"),
		"sqlite:sub/m.db":                    filepath.Join("folder", "sub", "m.db"),
		"sqlite:/srv/m.db":                   filepath.FromSlash("/srv/m.db"),
		"postgres://u:p@h:5432/d":            "postgres://u:p@h:5432/d",
		"postgresql://u@h/d?sslmode=require": "postgresql://u@h/d?sslmode=require",
		"postgres:///d?host=/run/postgresql": "postgres:///d?host=/run/postgresql",
		"postgres:///d":                      "postgres:///d",
	} {
		var s settings
		err := Config{DataDir: "folder", DatabaseURL: value}.readDatabase(&s)
		if err != nil || s.masterPath+s.postgresURL != want {
			t.Errorf("%s is %q, %q, %v; want %q", value, s.masterPath, s.postgresURL, err, want)
		}
	}
}

func TestNewReturnsSettingErrors(t *testing.T) {
	t.Parallel()
	c := defaults()
	c.Durability = "none"
	_, err := New(t.Context(), c, Options{})
	var setting *SettingError
	if !errors.As(err, &setting) || setting.Flag != "durability" || setting.Value != "none" {
		t.Errorf("%v", err)
	}
}
