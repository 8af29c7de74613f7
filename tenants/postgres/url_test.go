package postgres

import (
	"fmt"
	"strings"
	"testing"

	"tenantry/models"
)

func TestInvalidURLKeepsItsPassword(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"postgres://user:hunter2@host:port/postgres",
		"postgres://user:hunter2@host:99999999/postgres",
		"postgres://user:hun/ter2@host/postgres",
		"postgres://user:hun%ter2@host/postgres",
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
		_, masterErr := OpenMaster(t.Context(), MasterConfig{URL: url, Schema: models.Master()})
		for _, text := range []string{err.Error(), fmt.Sprintf("%+v %#v", err, err), fmt.Sprint(masterErr)} {
			if strings.Contains(text, "hun") || strings.Contains(text, "ter2") {
				t.Errorf("%s shows in %s", url, text)
			}
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
