package command

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"tenantry/tenants/tenantstest/pgcluster"
	"tenantry/tenants/tenantstest/wait"
)

// limitOnConnections returns how many connections to tenants' databases the server may have.
func (srv *server) limitOnConnections(t *testing.T) (limit int) {
	t.Helper()
	r := send(t, srv.operator, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n"+srv.token(t)+"Connection: close\r\n\r\n")
	for line := range strings.Lines(r.body) {
		if n, _ := fmt.Sscanf(line, `tenantry_connections_limit{server="default"} %d`, &limit); n == 1 {
			return limit
		}
	}
	t.Fatalf("no limit in the metrics: %s", r.body)
	return 0
}

// withFewConnections returns a new cluster that allows that many.
func withFewConnections(t *testing.T, connections int) *pgcluster.Cluster {
	t.Helper()
	cluster := pgcluster.New(t)
	conn := connect(t, cluster.URL())
	if _, err := conn.Exec(t.Context(), fmt.Sprint("ALTER SYSTEM SET max_connections = ", connections)); err != nil {
		t.Fatal(err)
	}
	cluster.Stop()
	cluster.Start()
	return cluster
}

// TestTwoProcessesOnFewConnections has two processes under load on a server with few connections, one of them
// busier, and kills that one. No process ever finds the server full, both get work done, and the survivor gets
// what the other had.
func TestTwoProcessesOnFewConnections(t *testing.T) {
	t.Parallel()
	cluster := withFewConnections(t, 40)
	s := onPostgres(t, cluster.URL()).with("TENANTRY_INSTANCE_TTL=2s")
	const most = 40 - 3 - 4 - 2*11 // without those of superusers, of people, and of the processes themselves
	names := []string{"acme", "globex", "initech", "hooli", "umbrella"}
	for _, name := range names {
		s.create(t, name)
	}
	quiet, busy := s.spawn(t), s.spawn(t)
	for _, name := range names {
		quiet.bearer(t, name)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var load sync.WaitGroup
	work := func(srv *server, clients int) *atomic.Int64 {
		var done atomic.Int64
		for i := range clients {
			load.Go(func() {
				for ; ctx.Err() == nil; i++ {
					switch r := srv.get(t, names[i%len(names)], "/api/projects"); {
					case r.status == http.StatusOK:
						done.Add(1)
					case r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "":
						t.Errorf("%d %v %s", r.status, r.header, r.body)
						return
					}
				}
			})
		}
		return &done
	}
	little, much := work(quiet, 1), work(busy, 20)
	var has, other int
	defer func() {
		t.Logf("quiet: %d done, %d connections; busy: %d done, %d connections", little.Load(), other, much.Load(), has)
	}()
	wait.Until(t, "work of both, more connections for the busy one, and no more than there are", func() bool {
		has, other = busy.limitOnConnections(t), quiet.limitOnConnections(t)
		return little.Load() > 50 && much.Load() > 500 && has > other && other > 0 && has+other <= most
	})
	cancel()
	load.Wait()
	before := quiet.limitOnConnections(t)
	if err := syscall.Kill(busy.pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	wait.Until(t, "the connections of the killed process", func() bool { return quiet.limitOnConnections(t) > most })
	t.Logf("%d connections, and %d after the other had died", before, quiet.limitOnConnections(t))
	log, err := os.ReadFile(filepath.Join(cluster.Dir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(log)) {
		if strings.Contains(line, "too many") || strings.Contains(line, "remaining connection slots") {
			t.Error(line)
		}
	}
}
