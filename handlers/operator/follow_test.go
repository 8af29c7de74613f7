package operator_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tenantry/handlers/operator"
	"tenantry/tenants"
	"tenantry/tenants/document"
	"tenantry/tenants/operators"
	"tenantry/tenants/tenantstest"
)

// lines are those of a stream. The channel is closed when it ends.
type lines chan string

// follow opens a stream of the ledger, which ends with the test.
func follow(t *testing.T, server *httptest.Server, query, authorization string) (lines, *http.Response) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/api/operations?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", authorization)
	response, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	read := make(lines, 1000)
	go func() {
		defer close(read)
		defer response.Body.Close()
		for scanner := bufio.NewScanner(response.Body); scanner.Scan(); {
			read <- scanner.Text()
		}
	}()
	return read, response
}

// next returns the next operation of a stream that matches.
func (l lines) next(t *testing.T, matches func(o document.Operation) bool) document.Operation {
	t.Helper()
	deadline := time.After(time.Minute) // blank lines come all the while
	for {
		select {
		case line, open := <-l:
			if !open {
				t.Fatal("the stream has ended")
			}
			var o document.Operation
			if line == "" {
				continue
			}
			if err := json.Unmarshal([]byte(line), &o); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			if matches(o) {
				return o
			}
		case <-deadline:
			t.Fatal("nothing came")
		}
	}
}

// ends waits until the stream has ended.
func (l lines) ends(t *testing.T) {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		select {
		case _, open := <-l:
			if !open {
				return
			}
		case <-deadline:
			t.Fatal("the stream goes on")
		}
	}
}

func finished(kind tenants.OperationKind) func(o document.Operation) bool {
	return func(o document.Operation) bool { return o.Kind == kind && o.FinishedAt != nil }
}

// TestFollow streams what is done from now on, or after an operation, to viewers; a stream ends with its token and with the
// process.
func TestFollow(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		serving, stop := context.WithCancel(t.Context())
		defer stop()
		s := newService(env, func(o *operator.Options) {
			o.Serving, o.Follow = serving, operator.Follow{Tick: 5 * time.Millisecond, KeepAlive: 20 * time.Millisecond}
		})
		server := httptest.NewServer(s.router)
		defer server.Close()
		defer server.CloseClientConnections() // if the test fails, streams go on
		env.Tenant(t, "before")
		viewer := s.account(t, "ada", "viewer")
		read, response := follow(t, server, "follow", viewer)
		if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "application/x-ndjson" {
			t.Fatalf("%d %v", response.StatusCode, response.Header)
		}
		env.Tenant(t, "acme")
		made := read.next(t, func(o document.Operation) bool {
			if o.Subdomain != "acme" {
				t.Errorf("of before: %+v", o)
			}
			return o.FinishedAt != nil
		})
		if _, err := env.Lifecycle.Suspend(t.Context(), "ada", "acme"); err != nil {
			t.Fatal(err)
		}
		if o := read.next(t, finished(tenants.KindSuspend)); o.State != tenants.OperationDone || o.Subdomain != "acme" || o.By != "ada" {
			t.Errorf("%+v", o)
		}
		later, _ := follow(t, server, "follow=true&after="+made.ID, "Bearer "+token)
		if o := later.next(t, func(document.Operation) bool { return true }); o.Kind != tenants.KindSuspend {
			t.Errorf("first after the creation: %+v", o)
		}
		for blank := false; !blank; { // while nothing happens
			blank = <-later == ""
		}
		accounts := operators.New(env.Store.Master())
		if err := accounts.Remove(t.Context(), "ada", "root"); err != nil {
			t.Fatal(err)
		}
		read.ends(t)
		if _, err := env.Lifecycle.Resume(t.Context(), "ada", "acme"); err != nil {
			t.Fatal(err)
		}
		later.next(t, finished(tenants.KindResume))
		stop()
		later.ends(t)
	})
}

// TestFollowIsRefused with other parameters, and when too many follow.
func TestFollowIsRefused(t *testing.T) {
	t.Parallel()
	s := newService(tenantstest.New(t, tenantstest.Options{}))
	for query, want := range map[string]int{
		"follow=1": 422, "follow&after=x": 422, "follow&tenant=acme": 422, "follow&limit=5": 422, "follow&x=1": 400,
	} {
		if w := s.as("x", "GET", "/api/operations?"+query, ""); w.Code != want {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
	server := httptest.NewServer(s.router)
	defer server.Close()
	defer server.CloseClientConnections()
	for i := range 33 {
		_, response := follow(t, server, "follow", "Bearer "+token)
		if refused := response.StatusCode == http.StatusServiceUnavailable; refused != (i == 32) || !refused && response.StatusCode != 200 {
			t.Fatalf("stream %d: %d", i+1, response.StatusCode)
		}
	}
	if w := s.send("HEAD", "/api/operations?follow", "", "Bearer "+token); w.Code != 503 || strings.TrimSpace(w.Body.String()) == "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
