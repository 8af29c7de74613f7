//go:build unix

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"syscall"
)

// served is what an application's process writes to standard output once it serves.
type served struct {
	URL     string
	IDs     []string // of the tenants
	Tokens  []string // of their users
	process *exec.Cmd
	ends    io.Closer // the process ends when this is closed
}

// serve serves an application until standard input ends. GET /cpu answers with the processor time
// that the process has used, in nanoseconds.
func serve(ctx context.Context, kind string, count int) (err error) {
	dir, err := os.MkdirTemp("", "tenantry-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	in, err := install(ctx, dir, count)
	if in != nil {
		defer func() { err = errors.Join(err, in.Close(context.WithoutCancel(ctx))) }()
	}
	if err != nil {
		return err
	}
	application, err := in.handler(ctx, kind)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/", application)
	mux.HandleFunc("GET /cpu", func(w http.ResponseWriter, _ *http.Request) {
		var usage syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprint(w, usage.Utime.Nano()+usage.Stime.Nano())
	})
	s := served{URL: "http://" + listener.Addr().String(), Tokens: in.tokens}
	for _, t := range in.tenants {
		s.IDs = append(s.IDs, t.ID)
	}
	if err := json.NewEncoder(os.Stdout).Encode(s); err != nil {
		return err
	}
	server := http.Server{Handler: mux}
	go func() { _ = server.Serve(listener) }()
	_, err = io.Copy(io.Discard, os.Stdin)
	return errors.Join(err, server.Close())
}

// start starts an application in a process of its own.
func start(ctx context.Context, kind string, count int) (*served, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &served{process: exec.CommandContext(ctx, program, "-serve", kind, "-tenants", strconv.Itoa(count))}
	s.process.Stderr = os.Stderr
	s.process.Env = append(os.Environ(), "GIN_MODE=release")
	s.process.Cancel = func() error { return s.process.Process.Signal(syscall.SIGTERM) }
	out, err1 := s.process.StdoutPipe()
	in, err2 := s.process.StdinPipe()
	if err := errors.Join(err1, err2, s.process.Start()); err != nil {
		return nil, err
	}
	s.ends = in
	if err := json.NewDecoder(out).Decode(s); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", kind, err), s.stop())
	}
	return s, nil
}

func (s *served) stop() error { return errors.Join(s.ends.Close(), s.process.Wait()) }

// get requests a path of a tenant and returns the body of the reply.
func (s *served) get(ctx context.Context, path string, tenant int) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+path, nil)
	if err != nil {
		return "", err
	}
	r.Host = fmt.Sprintf("t%d.localhost", tenant)
	r.Header.Set("Authorization", "Bearer "+s.Tokens[tenant])
	r.Header.Set("Tenant", s.IDs[tenant])
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	if err == nil && reply.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s: %s", path, reply.Status, body)
	}
	return string(body), err
}

// cost sends requests to tenants and returns the processor time that the application took for one, in
// nanoseconds.
func (s *served) cost(ctx context.Context, path string, requests int, tenant func() int) (float64, error) {
	before, err := s.processorTime(ctx)
	if err != nil {
		return 0, err
	}
	for range requests {
		if _, err := s.get(ctx, path, tenant()); err != nil {
			return 0, err
		}
	}
	after, err := s.processorTime(ctx)
	return (after - before) / float64(requests), err
}

func (s *served) processorTime(ctx context.Context) (float64, error) {
	text, err := s.get(ctx, "/cpu", 0)
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(text, 64)
}

// comparison is a row: an application's processor time for a request against that of base.
type comparison struct {
	name, target string
	kind         string
	tenants      int
	path         string
	zipf         bool // some tenants far more often than others
}

func comparisons(many, crowd int) []comparison {
	const open, signed = "/open", "/api/projects"
	return []comparison{
		{"SQLite, GET of 20 rows, processor time against base: floor", "", floor, 1, open, false},
		{"the same: a database opened for each request", "", naive, 1, open, false},
		{"the same, in a scope: 1 tenant", "≤ 1.05", ours, 1, open, false},
		{fmt.Sprintf("the same, in a scope: %d tenants", many), "≤ 1.2", ours, many, open, false},
		{fmt.Sprintf("the same, in a scope: %d tenants, Zipf", crowd), "≤ 2.5", ours, crowd, open, true},
		{"SQLite, signed-in GET of 20 projects, against base with the same queries: 1 tenant", "≤ 1.15", ours, 1, signed, false},
		{fmt.Sprintf("the same: %d tenants", many), "≤ 1.35", ours, many, signed, false},
	}
}

// measureServed compares the applications with base. In each round all of them take turns.
func measureServed(ctx context.Context, quick bool) (rows []row, err error) {
	many, crowd, rounds, requests := 1000, 10_000, 15, 1000
	if quick {
		many, crowd, rounds, requests = 20, 30, 3, 100
	}
	type key struct {
		kind  string
		count int
	}
	running := map[key]*served{}
	defer func() {
		for _, s := range running {
			err = errors.Join(err, s.stop())
		}
	}()
	all := comparisons(many, crowd)
	for _, c := range append(all, comparison{kind: base, tenants: 1}) {
		k := key{c.kind, c.tenants}
		if running[k] == nil {
			if running[k], err = start(ctx, c.kind, c.tenants); err != nil {
				delete(running, k)
				return nil, err
			}
		}
	}
	ratios := make([][]float64, len(all))
	for round := range rounds + 1 {
		for i, c := range all {
			one, err := running[key{base, 1}].cost(ctx, c.path, requests, func() int { return 0 })
			if err != nil {
				return nil, err
			}
			n := requests
			if round == 0 { // which opens the tenants, and counts for nothing
				n = max(n, 2*c.tenants)
			}
			other, err := running[key{c.kind, c.tenants}].cost(ctx, c.path, n, c.pick(round == 0))
			if err != nil {
				return nil, err
			}
			if round > 0 {
				ratios[i] = append(ratios[i], other/one)
			}
		}
	}
	for i, c := range all {
		slices.SortFunc(ratios[i], cmp.Compare[float64])
		at := func(p float64) float64 { return ratios[i][int(p*float64(rounds-1)+0.5)] }
		rows = append(rows, row{c.name, c.target, at(0.5), at(0.25), at(0.75)})
	}
	return rows, nil
}

// pick returns the choice of tenants for requests: each in turn to open them, or by chance.
func (c comparison) pick(inTurn bool) func() int {
	if c.zipf {
		next := rand.NewZipf(rand.New(rand.NewPCG(rand.Uint64(), 1)), 1.1, 1, uint64(c.tenants-1))
		return func() int { return int(next.Uint64()) }
	}
	if !inTurn {
		return func() int { return rand.IntN(c.tenants) }
	}
	last := -1
	return func() int { last++; return last % c.tenants }
}
