package pgcluster

import (
	_ "embed"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

//go:embed patroni.sh
var patroniScript string

// The programs, which Debian's packages patroni and python3-pysyncobj have.
const (
	patroniProgram = "patroni"
	voterProgram   = "patroni_raft_controller"
)

// patroniPassword is that of the user postgres.
const patroniPassword = "secret"

// Patroni is a cluster of two servers that Patroni runs, with synchronous replication, and of a voter. Only the test's
// goroutine may call its methods.
type Patroni struct {
	t       testing.TB
	bin     string
	members []*member // the last one is the voter
	dead    *member   // killed by KillLeader, or nil
}

// member is a Patroni process, with its server unless it is the voter.
type member struct {
	name, program, dir string
	port, rest, raft   int
	process            *exec.Cmd
	alive              io.Closer // ends the process
}

// NewPatroni starts a cluster, and waits until it has a leader and a synchronous standby. It is removed when the test
// ends. Without Patroni it skips the test, or fails it if TENANTRY_TEST_REQUIRE requires "patroni".
func NewPatroni(t testing.TB) *Patroni {
	t.Helper()
	bin, err := programs()
	for _, program := range []string{patroniProgram, voterProgram} {
		_, missing := exec.LookPath(program)
		err = errors.Join(err, missing)
	}
	switch {
	case err != nil && strings.Contains(os.Getenv(EnvRequire), "patroni"):
		t.Fatalf("%s requires Patroni: %v", EnvRequire, err)
	case err != nil:
		t.Skipf("skipped without Patroni: %v; install Debian's packages postgresql, patroni and python3-pysyncobj", err)
	}
	p := &Patroni{t: t, bin: bin}
	ports := freePorts(t, 9)
	for i, name := range []string{"one", "two", "voter"} {
		m := &member{name: name, program: patroniProgram, port: ports[3*i], rest: ports[3*i+1], raft: ports[3*i+2]}
		if name == "voter" {
			m.program = voterProgram
		}
		p.members = append(p.members, m)
	}
	for _, m := range p.members {
		p.prepare(m)
		p.start(m)
		t.Cleanup(func() { p.end(m) })
	}
	p.await("a leader and a synchronous standby", p.isWhole)
	return p
}

// freePorts returns ports of the loopback interface that are free now.
func freePorts(t testing.TB, n int) (ports []int) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// prepare makes a member's folder and its configuration.
func (p *Patroni) prepare(m *member) {
	p.t.Helper()
	dir, err := os.MkdirTemp("", "patroni")
	if err != nil {
		p.t.Fatal(err)
	}
	m.dir = dir
	config, err := json.Marshal(p.config(m)) // which is YAML, too
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "config"), config, 0o600)
	}
	attributes, failure := unprivileged()
	if err = errors.Join(err, failure); err == nil && attributes.Credential != nil {
		uid, gid := int(attributes.Credential.Uid), int(attributes.Credential.Gid)
		err = errors.Join(os.Chown(dir, uid, gid), os.Chown(filepath.Join(dir, "config"), uid, gid))
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// config returns a member's configuration. The leader's lock lasts as briefly as Patroni allows.
func (p *Patroni) config(m *member) map[string]any {
	type object = map[string]any
	var partners []string
	for _, other := range p.members {
		if other != m {
			partners = append(partners, address(other.raft))
		}
	}
	account := func(name string) object { return object{"username": name, "password": patroniPassword} }
	return object{
		"scope": "test", "name": m.name,
		"raft":    object{"data_dir": filepath.Join(m.dir, "raft"), "self_addr": address(m.raft), "partner_addrs": partners},
		"restapi": object{"listen": address(m.rest), "connect_address": address(m.rest)},
		"bootstrap": object{
			"dcs": object{
				"ttl": 20, "loop_wait": 1, "retry_timeout": 3, "synchronous_mode": true,
				"postgresql": object{"use_pg_rewind": true, "parameters": object{"max_connections": 60, "fsync": fsync()}},
			},
			"initdb": []any{object{"encoding": "UTF8"}, object{"locale": "C"}, "data-checksums"},
		},
		"postgresql": object{
			"listen": address(m.port), "connect_address": address(m.port), "bin_dir": p.bin,
			"data_dir": filepath.Join(m.dir, "data"), "pgpass": filepath.Join(m.dir, "pgpass"),
			"authentication": object{"superuser": account("postgres"), "replication": account("replicator")},
			"pg_hba":         []string{"host all all 127.0.0.1/32 scram-sha-256", "host replication replicator 127.0.0.1/32 scram-sha-256"},
			"parameters":     object{"unix_socket_directories": ""},
			// A killed leader may have commits that its standby lacks.
			"remove_data_directory_on_rewind_failure": true, "remove_data_directory_on_diverged_timelines": true,
		},
	}
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// start starts a member.
func (p *Patroni) start(m *member) {
	p.t.Helper()
	attributes, err := unprivileged()
	if err != nil {
		p.t.Fatal(err)
	}
	m.process = exec.Command("sh", "-c", patroniScript, "patroni", p.bin, m.dir, m.program)
	m.process.Dir, m.process.SysProcAttr = "/", attributes
	if m.alive, err = m.process.StdinPipe(); err == nil {
		err = m.process.Start()
	}
	if err != nil {
		p.t.Fatalf("start Patroni: %v", err)
	}
}

// end ends a member and removes its folder.
func (p *Patroni) end(m *member) {
	m.stop()
	if p.t.Failed() {
		log, _ := os.ReadFile(filepath.Join(m.dir, "log"))
		p.t.Logf("the last words of %s:\n%s", m.name, log[max(0, len(log)-2000):])
	}
	if err := os.RemoveAll(m.dir); err != nil {
		p.t.Error(err)
	}
}

func (m *member) stop() {
	_ = m.alive.Close()
	_ = m.process.Wait() // its status doesn't matter
}

// URL returns a URL that names both servers.
func (p *Patroni) URL() string {
	return (&url.URL{
		Scheme: "postgres", User: url.UserPassword("postgres", patroniPassword), Host: address(p.members[0].port) + "," + address(p.members[1].port),
		Path: "/postgres", RawQuery: "target_session_attrs=read-write&sslmode=disable",
	}).String()
}

// KillLeader kills the leader's Patroni and its server, as the loss of the machine would.
func (p *Patroni) KillLeader() {
	p.t.Helper()
	p.dead = p.leader()
	if p.dead == nil {
		p.t.Fatal("there is no leader")
	}
	for _, file := range []string{"pid", "data/postmaster.pid"} {
		text, err := os.ReadFile(filepath.Join(p.dead.dir, file))
		if err != nil {
			p.t.Fatal(err)
		}
		first, _, _ := strings.Cut(string(text), "\n")
		pid, err := strconv.Atoi(first)
		if err == nil {
			err = syscall.Kill(pid, syscall.SIGKILL)
		}
		if err != nil {
			p.t.Fatal(err)
		}
	}
}

// AwaitPromotion waits until the other server is the leader.
func (p *Patroni) AwaitPromotion() {
	p.t.Helper()
	p.await("the promotion", func() bool { m := p.leader(); return m != nil && m != p.dead })
}

// Revive starts what KillLeader has killed, and waits until it is the synchronous standby.
func (p *Patroni) Revive() {
	p.t.Helper()
	p.dead.stop()
	p.start(p.dead)
	p.dead = nil
	p.await("the killed server as a synchronous standby", p.isWhole)
}

// isWhole reports whether there are a leader and a synchronous standby.
func (p *Patroni) isWhole() bool {
	return p.leader() != nil && (p.hasRole(p.members[0], "synchronous") || p.hasRole(p.members[1], "synchronous"))
}

// leader returns the member that has the leader's lock and accepts writes, or nil.
func (p *Patroni) leader() *member {
	for _, m := range p.members[:2] {
		if p.hasRole(m, "primary") {
			return m
		}
	}
	return nil
}

// hasRole asks a member's Patroni whether it has a role.
func (p *Patroni) hasRole(m *member, role string) bool {
	client := http.Client{Timeout: time.Second}
	r, err := client.Get("http://" + address(m.rest) + "/" + role)
	if err != nil {
		return false
	}
	defer r.Body.Close()
	return r.StatusCode == http.StatusOK
}

func (p *Patroni) await(what string, done func() bool) {
	p.t.Helper()
	const most = 3 * time.Minute
	for begun := time.Now(); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Since(begun) > most {
			p.t.Fatalf("waited %v in vain for %s", most, what)
		}
	}
}
