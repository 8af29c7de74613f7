package command

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/tenantstest/wait"
)

const (
	// envSeed is the seed of the random load, to do again what failed.
	envSeed = "TENANTRY_TEST_SEED"
	// subjects is how many tenants live at once.
	subjects = 5
)

// load is an installation under random load.
type load struct {
	site    site
	seed    uint64
	servers []*server
	chart   *chart

	mu       sync.Mutex // guards what follows
	names    int
	stored   map[*subject][]string // the projects of which a server said that it has them
	answers  map[answer]int
	moves    map[string]int
	latest   time.Duration
	problems []string
}

// TestAnswersUnderLoad has operators do all that they can do to tenants, at
// random, by commands and through two servers, while clients ask both all the
// time. Every answer must be one that the tenant's state allowed while the
// request ran, and what was stored is what the clients were told.
func TestAnswersUnderLoad(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		l := newLoad(t, s)
		ctx, cancel := context.WithTimeout(t.Context(), l.duration())
		defer cancel()
		var running sync.WaitGroup
		for i := range subjects {
			running.Go(func() { l.operate(ctx, t, l.random(i)) })
		}
		for i := range 3 * len(l.servers) {
			running.Go(func() { l.ask(ctx, t, l.servers[i%len(l.servers)], l.random(subjects+i)) })
		}
		running.Wait()
		t.Logf("seed %d, answers %v, operations %v; the latest answer of before came %v after an operation",
			l.seed, l.answers, l.moves, l.latest.Round(time.Millisecond))
		for _, problem := range l.problems[:min(10, len(l.problems))] {
			t.Error(problem)
		}
		l.expectStored(t)
	})
}

func newLoad(t *testing.T, s site) *load {
	t.Helper()
	l := &load{
		site: s, seed: rand.Uint64(), servers: []*server{s.serve(t), s.spawn(t)}, chart: newChart(),
		stored: map[*subject][]string{}, answers: map[answer]int{}, moves: map[string]int{},
	}
	if text := os.Getenv(envSeed); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", envSeed, err)
		}
		l.seed = seed
	}
	return l
}

// duration is 20 seconds, or little in a short run.
func (l *load) duration() time.Duration {
	if testing.Short() {
		return 3 * time.Second
	}
	return 20 * time.Second
}

func (l *load) random(i int) *rand.Rand { return rand.New(rand.NewPCG(l.seed, uint64(i))) }

// name returns an unused name.
func (l *load) name(prefix string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.names++
	return fmt.Sprintf("%s%d", prefix, l.names)
}

func (l *load) problem(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.problems = append(l.problems, fmt.Sprintf(format, args...))
}

// pause lasts a random time, up to most. It returns false when ctx has ended.
func pause(ctx context.Context, random *rand.Rand, most time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(time.Duration(random.Int64N(int64(most)))):
		return ctx.Err() == nil
	}
}

// operate does things to one tenant after another.
func (l *load) operate(ctx context.Context, t *testing.T, random *rand.Rand) {
	s := newSubject(l.name("t"))
	for pause(ctx, random, 200*time.Millisecond) {
		m, ok := pickMove(s, random, l.name("t"))
		if !ok {
			l.chart.leave(s)
			s = newSubject(l.name("t"))
			continue
		}
		l.chart.begin(s, m)
		if err := m.do(t, l.site, l.servers, random); err != nil {
			l.problem("%v", err)
			return
		}
		l.chart.end(s, m)
		l.mu.Lock()
		l.moves[m.name]++
		l.mu.Unlock()
		if m.name == "create" {
			l.addAdmin(t, s)
		}
	}
}

// addAdmin gives the tenant an admin, as whom clients ask.
func (l *load) addAdmin(t *testing.T, s *subject) {
	r := l.site.pipe(t, password+"\n", "tenant", "admin", s.first, "--admin-email="+admin(s.first), "--admin-password-stdin")
	if r.status != exitDone {
		l.problem("add an admin to %s: %s", s.first, r.stderr)
		return
	}
	wait.Until(t, "a session in "+s.first, func() bool {
		token, ok := l.servers[0].signIn(t, s.first, admin(s.first), password)
		header := "Bearer " + token
		if ok {
			s.header.Store(&header)
		}
		return ok
	})
}

// ask asks a server for tenants at random, one request after another.
func (l *load) ask(ctx context.Context, t *testing.T, srv *server, random *rand.Rand) {
	client := &http.Client{
		Transport:     &http.Transport{},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer client.CloseIdleConnections()
	for pause(ctx, random, 10*time.Millisecond) {
		host, owner := l.chart.pick(random)
		if owner == nil {
			continue
		}
		q := question{host: host, owner: owner, begin: time.Now()}
		if header := owner.header.Load(); header != nil {
			q.header = *header
			if random.IntN(4) == 0 {
				q.project = l.name("project ")
			}
		}
		a, err := srv.answer(t.Context(), client, q)
		l.judge(q, a, err)
	}
}

// question is a request for who one is, or that a project be made.
type question struct {
	host    string
	owner   *subject // whose host it is
	header  string   // with a token of the owner's, if there is one
	project string
	begin   time.Time
}

// judge tells whether the answer is right, and remembers it.
func (l *load) judge(q question, a answer, err error) {
	end := time.Now()
	if err != nil {
		l.problem("%s of %s: %v", q.host, q.owner.first, err)
		return
	}
	ok, late := l.chart.allows(q.host, a, q.begin, end)
	if !ok {
		l.problem("%s of %s answers %q, which it may not, within %v", q.host, q.owner.first, a, end.Sub(q.begin))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answers[a]++
	l.latest = max(l.latest, late)
	if a == answerServed && q.project != "" {
		l.stored[q.owner] = append(l.stored[q.owner], q.project)
	}
}

// answer sends a request, and expects the host's owner to answer.
func (srv *server) answer(ctx context.Context, client *http.Client, q question) (answer, error) {
	method, path, body := http.MethodGet, "/api/me", io.Reader(nil)
	if q.project != "" {
		method, path = http.MethodPost, "/api/projects"
		body = strings.NewReader(fmt.Sprintf(`{"name":%q}`, q.project))
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://"+srv.public+path, body)
	if err != nil {
		return "", err
	}
	r.Host = q.host + ".localhost"
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", q.header)
	response, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	return classify(response, string(content), q)
}

// classify reads an answer. One that no state has is an error.
func classify(r *http.Response, body string, q question) (answer, error) {
	kinds := map[string]answer{
		"403 suspended": answerSuspended, "503 maintenance": answerMaintenance, "404 unknown-tenant": answerUnknown,
	}
	_, kind, _ := strings.Cut(body, "problem:")
	kind, _, _ = strings.Cut(kind, `"`)
	switch known := kinds[fmt.Sprintf("%d %s", r.StatusCode, kind)]; {
	case known != "":
		return known, nil
	case r.StatusCode == http.StatusTemporaryRedirect:
		return answerMoved, nil
	case q.header == "" && r.StatusCode == http.StatusUnauthorized,
		q.project != "" && r.StatusCode == http.StatusCreated,
		q.project == "" && r.StatusCode == http.StatusOK && strings.Contains(body, admin(q.owner.first)):
		return answerServed, nil
	}
	return "", fmt.Errorf("%d %s", r.StatusCode, body)
}

// expectStored brings every tenant back, and finds the projects of which
// clients were told that they are stored, and no others.
func (l *load) expectStored(t *testing.T) {
	t.Helper()
	if r := l.site.process(t, nil, "doctor"); r.status != exitDone {
		t.Errorf("doctor: status %d, %s%s", r.status, r.stdout, r.stderr)
	}
	a := l.site.open(t)
	for s, told := range l.stored {
		switch s.state {
		case tenants.StateSuspended:
			l.site.must(t, "tenant", "resume", s.subdomain)
		case tenants.StateArchived, tenants.StatePurged:
			l.site.must(t, "tenant", "restore", s.subdomain)
		}
		row, err := a.Manager().Get(t.Context(), s.subdomain)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		err = a.Store().View(t.Context(), row, func(tx *gorm.DB) error {
			return tx.Model(&models.Project{}).Pluck("name", &got).Error
		})
		slices.Sort(got)
		slices.Sort(told)
		if err != nil || !slices.Equal(got, told) {
			t.Errorf("%s: stored are %q, clients were told %q, %v", s.first, got, told, err)
		}
	}
}
