package command

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants/tenantstest/wait"
)

// stoppedFor is longer than the TTL and what others wait beyond it.
const stoppedFor = 18 * time.Second

// TestAStoppedProcessIsWaitedFor stops a server that writes, as a debugger or a
// full memory does, for longer than its TTL, and has a command suspend the
// tenant meanwhile. The command waits until the server goes on: what was
// acknowledged is stored, and nothing is stored after the tenant is suspended.
func TestAStoppedProcessIsWaitedFor(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 20 seconds")
	}
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.create(t, "acme")
		master := s.open(t).Store().Master()
		srv := s.with("TENANTRY_INSTANCE_TTL=1s").spawn(t)
		srv.expect(t, "acme", http.StatusOK)
		var stored, unknown atomic.Int64
		header := srv.bearer(t, "acme")
		var writers sync.WaitGroup
		var answers [4]atomic.Int64
		end := make(chan struct{})
		for i := range answers {
			writers.Go(func() {
				for n := 0; ; n++ {
					select {
					case <-end:
						return
					default:
					}
					switch srv.tryToAdd(header, fmt.Sprintf("Project %d-%d", i, n)) {
					case http.StatusCreated:
						stored.Add(1)
					case noAnswer, http.StatusInternalServerError: // it may be stored
						unknown.Add(1)
					}
					answers[i].Add(1)
				}
			})
		}
		wait.Until(t, "some writes", func() bool { return stored.Load() > 20 })
		// While nobody writes to the master: a process that is stopped in such a transaction would keep SQLite's only lock for writing.
		err := master.Update(t.Context(), func(*gorm.DB) error { return syscall.Kill(srv.pid, syscall.SIGSTOP) })
		if err != nil {
			t.Fatal(err)
		}
		suspended := make(chan result, 1)
		go func() { suspended <- s.run(t, "tenant", "suspend", "acme") }()
		select {
		case r := <-suspended:
			t.Errorf("did not wait: %d %s", r.status, r.stderr)
			suspended <- r
		case <-time.After(stoppedFor):
		}
		if err := syscall.Kill(srv.pid, syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		if r := <-suspended; r.status != exitDone {
			t.Errorf("suspend: status %d, %s", r.status, r.stderr)
		}
		awaitAnswers(t, answers[:], 2) // the first one may be that of an earlier write
		after := stored.Load()
		awaitAnswers(t, answers[:], 20)
		close(end)
		writers.Wait()
		if n := stored.Load(); n != after {
			t.Errorf("%d were stored in a suspended tenant", n-after)
		}
		s.must(t, "tenant", "resume", "acme")
		srv.expect(t, "acme", http.StatusOK)
		got, least := srv.count(t, "acme"), int(stored.Load())
		if most := least + int(unknown.Load()); got < least || got > most {
			t.Errorf("%d projects, of which %d were acknowledged and %d may be stored", got, least, most-least)
		}
	})
}

// awaitAnswers waits until each writer has had n more answers.
func awaitAnswers(t *testing.T, answers []atomic.Int64, n int64) {
	t.Helper()
	for i := range answers {
		enough := answers[i].Load() + n
		wait.Until(t, "answers to writers", func() bool { return answers[i].Load() >= enough })
	}
}

// noAnswer is in place of a status where the connection broke.
const noAnswer = 0

// tryToAdd adds a project to acme, and returns the status of the answer.
func (srv *server) tryToAdd(header, name string) int {
	body := fmt.Sprintf(`{"name":%q}`, name)
	conn, err := net.DialTimeout("tcp", srv.public, patience)
	if err != nil {
		return noAnswer
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, head("POST", "acme", "/api/projects", len(body))+header+"Connection: close\r\n\r\n"+body); err != nil {
		return noAnswer
	}
	r, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return noAnswer
	}
	defer r.Body.Close()
	return r.StatusCode
}

// count counts the tenant's projects.
func (srv *server) count(t *testing.T, subdomain string) (n int) {
	t.Helper()
	for after := ""; ; {
		r := srv.get(t, subdomain, "/api/projects?limit=200"+after)
		var page struct {
			Items []json.RawMessage
			Next  string
		}
		if err := json.Unmarshal([]byte(r.body), &page); err != nil {
			t.Fatalf("%d %s: %v", r.status, r.body, err)
		}
		n += len(page.Items)
		if page.Next == "" {
			return n
		}
		after = "&after=" + strings.TrimSpace(page.Next)
	}
}
