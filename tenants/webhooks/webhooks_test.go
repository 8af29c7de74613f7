package webhooks_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/jobs"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/wait"
	"tenantry/tenants/webhooks"
)

// secret signs the tests' deliveries.
const secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// receiver is a server that notes the deliveries that it gets, and answers as answer says.
type receiver struct {
	url    string
	answer func(w http.ResponseWriter, r *http.Request, e webhooks.Event)

	mu     sync.Mutex // guards got
	got    map[string][]webhooks.Event
	bodies map[string]string // by id; all attempts have one
}

func receive(t testing.TB, answer func(w http.ResponseWriter, r *http.Request, e webhooks.Event)) *receiver {
	t.Helper()
	r := &receiver{answer: answer, got: map[string][]webhooks.Event{}, bodies: map[string]string{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err == nil {
			err = verify(secret, request.Header, body, time.Now())
		}
		var e webhooks.Event
		if err == nil {
			err = json.Unmarshal(body, &e)
		}
		if err != nil || request.Method != http.MethodPost || request.Header.Get("Content-Type") != "application/json" {
			t.Errorf("a delivery: %s %v, %v: %s", request.Method, request.Header, err, body)
		}
		r.note(t, request.Header.Get("webhook-id"), string(body), e)
		if r.answer != nil {
			r.answer(w, request, e)
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	r.url = server.URL + "/hook?token=hunter2"
	return r
}

func (r *receiver) note(t testing.TB, id, body string, e webhooks.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if before, again := r.bodies[id]; again && before != body {
		t.Errorf("two bodies of %s: %s and %s", id, before, body)
	}
	r.bodies[id] = body
	r.got[id] = append(r.got[id], e)
}

// count returns how many deliveries with the id came, or all if it is empty.
func (r *receiver) count(id string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for each, events := range r.got {
		if id == "" || id == each {
			n += len(events)
		}
	}
	return n
}

// await waits until so many deliveries with the id came.
func (r *receiver) await(t testing.TB, id string, n int) {
	t.Helper()
	wait.For(t, fmt.Sprintf("%d deliveries of %q", n, id), func() int { return r.count(id) }, func(got int) bool { return got >= n })
}

// deliver delivers to a URL until the test ends, or stop is called.
func deliver(t testing.TB, env *tenantstest.Env, url string, timeout time.Duration) (stop func()) {
	t.Helper()
	target, err := webhooks.ParseTarget(url, secret)
	must(t, err)
	return run(t, env, webhooks.NewSender(target, webhooks.Options{Timeout: timeout}).Workers())
}

func run(t testing.TB, env *tenantstest.Env, w *jobs.Workers) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		jobs.New(env.Store, w, jobs.Config{Grace: 20 * time.Millisecond, Log: slog.New(slog.DiscardHandler)}).RunInMaster(ctx)
	})
	stop = func() { cancel(); running.Wait() }
	t.Cleanup(stop)
	return stop
}

// inMaster changes the master.
func inMaster(t testing.TB, env *tenantstest.Env, f tenants.Func) {
	t.Helper()
	must(t, env.Store.Master().Update(t.Context(), f))
}

// waiting returns the jobs without tenant.
func waiting(t testing.TB, env *tenantstest.Env) []jobs.Row {
	t.Helper()
	found, _, err := jobs.List(t.Context(), env.Store, nil, "", "", 1000)
	must(t, err)
	return found
}

// awaitJobs waits until the jobs without tenant are as want says.
func awaitJobs(t testing.TB, env *tenantstest.Env, want func([]jobs.Row) bool) []jobs.Row {
	t.Helper()
	return wait.For(t, "jobs without tenant", func() []jobs.Row { return waiting(t, env) }, want)
}

func none(found []jobs.Row) bool { return len(found) == 0 }

func newID() string { return strings.ToLower(ulid.Make().String()) }

// operation is one on a tenant of its own.
func operation(kind tenants.OperationKind, state tenants.OperationState) tenants.Operation {
	now := time.Now().UTC().Truncate(time.Microsecond)
	o := tenants.Operation{ID: newID(), TenantID: newID(), Subdomain: "acme", Kind: kind, State: state, Params: "{}", Attempts: 1, By: "ada", StartedAt: now, UpdatedAt: now}
	if state == tenants.OperationDone || state == tenants.OperationFailed {
		o.FinishedAt = &now
	} else {
		o.Step = "one"
	}
	return o
}

// finish ends an operation as the ledger does.
func finish(tx *gorm.DB, o *tenants.Operation, state tenants.OperationState) error {
	now := time.Now().UTC().Truncate(time.Microsecond)
	o.State, o.Step, o.FinishedAt = state, "", &now
	return tx.Select("*").Omit("Acknowledgements").Updates(o).Error
}

// TestEveryKindIsDeliveredOnce: of whatever kind an operation is and however it ends, its end leaves one delivery, which has what the
// ledger says. One that isn't finished leaves none, nor does one whose transaction is rolled back.
func TestEveryKindIsDeliveredOnce(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		must(t, env.Store.SendWebhooks(t.Context()))
		var ended []tenants.Operation
		for _, kind := range tenants.OperationKinds() {
			atOnce, later := operation(kind, tenants.OperationDone), operation(kind, tenants.OperationRunning)
			together := []tenants.Operation{operation(kind, tenants.OperationRunning), operation(kind, tenants.OperationRunning)}
			refused, goesOn := operation(kind, tenants.OperationDone), operation(kind, tenants.OperationRunning)
			inMaster(t, env, func(tx *gorm.DB) error {
				return tx.Create([]*tenants.Operation{&atOnce, &later, &together[0], &together[1], &goesOn}).Error
			})
			inMaster(t, env, func(tx *gorm.DB) error {
				must(t, finish(tx, &later, tenants.OperationFailed))
				must(t, tx.Model(&goesOn).Update("attempts", 2).Error)
				must(t, tx.Model(&atOnce).Update("error", "changed after its end").Error)
				return tx.Model(&tenants.Operation{}).Where("id IN ?", []string{together[0].ID, together[1].ID}).
					Updates(map[string]any{"state": tenants.OperationDone, "step": "", "finished_at": later.FinishedAt}).Error
			})
			err := env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
				must(t, tx.Create(&refused).Error)
				return errors.ErrUnsupported
			})
			if !errors.Is(err, errors.ErrUnsupported) {
				t.Fatal(err)
			}
			ended = append(ended, atOnce, later, together[0], together[1])
		}
		if n := len(waiting(t, env)); n != len(ended) {
			t.Fatalf("%d operations ended, and %d deliveries wait", len(ended), n)
		}
		r := receive(t, nil)
		deliver(t, env, r.url, 0)
		awaitJobs(t, env, none)
		for _, o := range ended {
			want := map[bool]string{true: "operation.failed", false: "operation.succeeded"}[o.State == tenants.OperationFailed]
			got := r.got[o.ID]
			if len(got) != 1 || got[0].Type != want || got[0].Data.ID != o.ID || got[0].Data.Kind != o.Kind || got[0].Timestamp.IsZero() {
				t.Errorf("deliveries of %s (%s): %+v", o.Kind, o.State, got)
			}
		}
		if len(r.got) != len(ended) {
			t.Errorf("%d operations were delivered, want %d", len(r.got), len(ended))
		}
	})
}

// TestOperationsLeaveDeliveries that are begun and ended by the ledger, a swap's second one and a cancellation among them.
func TestOperationsLeaveDeliveries(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		env.Tenant(t, "before")
		must(t, env.Store.SendWebhooks(t.Context()))
		env.Tenant(t, "acme")
		env.Tenant(t, "globex")
		m := env.Lifecycle
		_, err := m.Swap(t.Context(), "ada", "acme", "globex")
		must(t, err)
		_, err = m.Archive(t.Context(), "ada", "acme")
		must(t, err)
		stuck := operation(tenants.KindResume, tenants.OperationRunning)
		stuck.Params = `{"from":"active"}`
		inMaster(t, env, func(tx *gorm.DB) error {
			must(t, tx.Model(&tenants.Tenant{}).Where("subdomain = 'globex'").Pluck("id", &stuck.TenantID).Error)
			return tx.Create(&stuck).Error
		})
		_, err = m.Cancel(t.Context(), "ada", "globex")
		must(t, err)
		r := receive(t, nil)
		deliver(t, env, r.url, 0)
		awaitJobs(t, env, none)
		kinds := map[string]int{}
		for _, events := range r.got {
			kinds[fmt.Sprint(events[0].Data.Kind, " ", events[0].Type)] += len(events)
		}
		want := map[string]int{
			"create operation.succeeded": 2, "swap operation.succeeded": 1, "swap-other operation.succeeded": 1, "archive operation.succeeded": 1,
			"resume operation.failed": 1, "cancel operation.succeeded": 1,
		}
		if fmt.Sprint(kinds) != fmt.Sprint(want) {
			t.Errorf("deliveries %v, want %v", kinds, want)
		}
	})
}

// end makes an operation of a kind that has ended, and returns its id.
func end(t testing.TB, env *tenantstest.Env, kind tenants.OperationKind) string {
	t.Helper()
	o := operation(kind, tenants.OperationDone)
	inMaster(t, env, func(tx *gorm.DB) error { return tx.Create(&o).Error })
	return o.ID
}

// TestReceiversThatFail: what isn't taken is tried again and discarded in the end, with a short reason in which nothing of the URL
// stands. An operator makes it be delivered again.
func TestReceiversThatFail(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		must(t, env.Store.SendWebhooks(t.Context()))
		elsewhere := receive(t, nil)
		var mended sync.Map // ids that are taken from now on
		answers := map[tenants.OperationKind]func(w http.ResponseWriter, r *http.Request){
			tenants.KindCreate: func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusInternalServerError)
				_, _ = io.WriteString(w, "the first\x00 line\nthe second line")
			},
			tenants.KindSuspend: func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, elsewhere.url, http.StatusTemporaryRedirect)
			},
			tenants.KindResume: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) },
			tenants.KindRename: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
			tenants.KindMove: func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(http.StatusBadGateway)
				for r.Context().Err() == nil {
					_, _ = io.WriteString(w, "x")
					_ = http.NewResponseController(w).Flush()
					time.Sleep(10 * time.Millisecond)
				}
			},
			tenants.KindPurge: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			tenants.KindErase: func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusBadRequest)
				_, _ = io.WriteString(w, strings.Repeat("x", 1<<20))
			},
		}
		wants := map[tenants.OperationKind]string{
			tenants.KindCreate: "the receiver answered 500 Internal Server Error: the first line", tenants.KindSuspend: "the receiver answered 307 Temporary Redirect",
			tenants.KindResume: "the receiver answered 410 Gone", tenants.KindRename: "the receiver didn't answer within 3s",
			tenants.KindMove: "the receiver answered 502 Bad Gateway: xx", tenants.KindPurge: "the receiver can't be reached: EOF",
			tenants.KindErase: "the receiver answered 400 Bad Request: " + strings.Repeat("x", 199),
		}
		r := receive(t, func(w http.ResponseWriter, r *http.Request, e webhooks.Event) {
			if _, takes := mended.Load(e.Data.ID); !takes {
				answers[e.Data.Kind](w, r)
			}
		})
		ids := map[string]tenants.OperationKind{}
		for kind := range answers {
			ids[end(t, env, kind)] = kind
		}
		deliver(t, env, r.url, 3*time.Second) // a slow machine answers the others in that time
		failed := awaitJobs(t, env, func(found []jobs.Row) bool {
			for _, row := range found {
				if row.Error == "" {
					return false
				}
			}
			return true
		})
		for _, row := range failed {
			want := wants[ids[row.ID]]
			given := row.State == jobs.Discarded && row.Attempt == 1
			if !strings.HasPrefix(row.Error, want) || len(row.Error) > 250 || strings.Contains(row.Error, "hunter2") || given != (ids[row.ID] == tenants.KindResume) {
				t.Errorf("%s: %+v, want %q", ids[row.ID], row, want)
			}
		}
		inMaster(t, env, func(tx *gorm.DB) error { // the attempts that are left are over
			return tx.Model(&jobs.Row{}).Where("state = ?", jobs.Available).Updates(map[string]any{"attempt": 19, "scheduled_at": time.Now().UTC()}).Error
		})
		awaitJobs(t, env, func(found []jobs.Row) bool {
			for _, row := range found {
				if row.State != jobs.Discarded {
					return false
				}
			}
			return len(found) == len(ids)
		})
		for id := range ids {
			mended.Store(id, true)
		}
		n, err := jobs.Retry(t.Context(), env.Store, nil)
		if err != nil || n != int64(len(ids)) {
			t.Errorf("%d are delivered again, %v", n, err)
		}
		awaitJobs(t, env, none)
		if n := elsewhere.count(""); n > 0 {
			t.Errorf("%d redirects were followed", n)
		}
	})
}

// TestErrorsHaveNothingOfTheURL, also when a receiver repeats it, an answer is cut off within it, or the way there tells of it.
func TestErrorsHaveNothingOfTheURL(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{})
	must(t, env.Store.SendWebhooks(t.Context()))
	const name, password, segment, query = "ada%40example", "hunter2%2F", "T0KEN-in-the-path", "t0ken%20in+the+query"
	parts := []string{"ada@example", "hunter2", "T0KEN", "t0ken", "in+the+query", "in the query", "YWRhQGV4YW1wbGU6aHVudGVyMi8=", "invalid"}
	repeat := func(w http.ResponseWriter, r *http.Request) string {
		user, password, _ := r.BasicAuth()
		w.WriteHeader(http.StatusNotFound)
		return strings.Join([]string{user, password, r.Header.Get("Authorization"), r.URL.Path, r.URL.RequestURI(), r.URL.Query().Get("key")}, " | ")
	}
	for kind, answer := range map[string]func(w http.ResponseWriter, r *http.Request){
		"repeated": func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, repeat(w, r)) },
		"cut off": func(w http.ResponseWriter, r *http.Request) {
			line := repeat(w, r)
			_, _ = io.WriteString(w, strings.Repeat("x", 190)+line[strings.Index(line, segment):])
		},
		"no HTTP": func(w http.ResponseWriter, r *http.Request) {
			connection, _, err := http.NewResponseController(w).Hijack()
			must(t, err)
			_, _ = io.WriteString(connection, r.URL.RequestURI()+"\r\n\r\n")
			_ = connection.Close()
		},
		"unknown host":    nil,
		"nothing listens": nil,
	} {
		r := receive(t, func(w http.ResponseWriter, r *http.Request, _ webhooks.Event) { answer(w, r) })
		host := strings.TrimPrefix(strings.TrimSuffix(r.url, "/hook?token=hunter2"), "http://")
		url := "http://" + name + ":" + password + "@" + host + "/hook/" + segment + "?key=" + query
		switch kind {
		case "unknown host":
			url = "https://t0ken.invalid/" + segment
		case "nothing listens":
			url = "https://127.0.0.1:65535/" + segment
		}
		id := end(t, env, tenants.KindCreate)
		stop := deliver(t, env, url, 0)
		failed := awaitJobs(t, env, func(found []jobs.Row) bool { return len(found) == 1 && found[0].Error != "" })
		stop()
		for _, part := range parts {
			if strings.Contains(failed[0].Error, part) {
				t.Errorf("%s: %q has %q", kind, failed[0].Error, part)
			}
		}
		if !strings.HasPrefix(failed[0].Error, "the receiver ") || len(failed[0].Error) > 300 {
			t.Errorf("%s: %q", kind, failed[0].Error)
		}
		if kind == "nothing listens" && !strings.Contains(failed[0].Error, ":65535") {
			t.Errorf("the port is missing: %q", failed[0].Error)
		}
		inMaster(t, env, func(tx *gorm.DB) error { return tx.Delete(&jobs.Row{}, "id = ?", id).Error })
	}
}

type other struct{}

func (other) Kind() string { return "other" }

// TestDeliveriesOfOtherBuilds: what names an operation is delivered, whatever else the job has; what doesn't is kept with the reason.
func TestDeliveriesOfOtherBuilds(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		ended := operation(tenants.KindCreate, tenants.OperationDone)
		inMaster(t, env, func(tx *gorm.DB) error { return tx.Create(&ended).Error })
		want := map[string]string{ // by arguments
			`{"operation_id":"` + ended.ID + `","attempt":{"of":3}}`: "", `{}`: "names no operation", `{"operation":"` + ended.ID + `"}`: "names no operation",
			`{"operation_id":"01m00000000000000000000000"}`: "not in the ledger", `{"operation_id":5}`: "arguments of the job", `[]`: "arguments of the job",
		}
		now := time.Now().UTC()
		for args, failure := range want {
			id := newID()
			if failure == "" { // as the trigger names it
				id = ended.ID
			}
			row := jobs.Row{ID: id, Kind: tenants.WebhookKind, Args: args, State: jobs.Available, ScheduledAt: now, CreatedAt: now, UpdatedAt: now}
			inMaster(t, env, func(tx *gorm.DB) error { return tx.Create(&row).Error })
		}
		unknown := jobs.Row{ID: newID(), Kind: "webhook.newer", Args: "{}", State: jobs.Available, ScheduledAt: now, CreatedAt: now, UpdatedAt: now}
		inMaster(t, env, func(tx *gorm.DB) error { return tx.Create(&unknown).Error })
		r := receive(t, nil)
		deliver(t, env, r.url, 0)
		r.await(t, ended.ID, 1)
		awaitJobs(t, env, func(found []jobs.Row) bool {
			right := len(found) == len(want) // without the delivery, and with the job of an unknown kind
			for _, row := range found {
				switch {
				case row.Kind != tenants.WebhookKind:
					right = right && row.State == jobs.Available && row.Attempt == 0
				case want[row.Args] == "arguments of the job": // tried again, for a process of a newer build may read them
					right = right && strings.Contains(row.Error, want[row.Args])
				default:
					right = right && row.State == jobs.Discarded && strings.Contains(row.Error, want[row.Args])
				}
			}
			return right
		})
		if n := r.count(ended.ID); n != 1 {
			t.Errorf("%d deliveries", n)
		}
	})
}

// TestReceiverThatHangsDelaysNoOtherJobs without tenant, however many deliveries wait.
func TestReceiverThatHangsDelaysNoOtherJobs(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		must(t, env.Store.SendWebhooks(t.Context()))
		r := receive(t, func(_ http.ResponseWriter, r *http.Request, _ webhooks.Event) { <-r.Context().Done() })
		for range 10 {
			end(t, env, tenants.KindCreate)
		}
		deliver(t, env, r.url, time.Minute)
		r.await(t, "", 4) // all that are delivered at a time
		w, ran := jobs.NewWorkers(), make(chan struct{})
		jobs.RegisterOutside(w, func(context.Context, *jobs.Job[other]) error { ran <- struct{}{}; return nil }, jobs.Work{})
		run(t, env, w)
		for range 3 {
			inMaster(t, env, func(tx *gorm.DB) error { return jobs.Enqueue(tx, other{}, jobs.Options{}) })
			select {
			case <-ran:
			case <-time.After(5 * time.Second): // it would be found after 10 at the latest
				t.Fatal("a job without tenant waits for a receiver of webhooks")
			}
		}
	})
}

// TestProcessesThatSend: operations leave deliveries as long as a process is to send them, also one that has died; when none is left,
// what waits is dropped.
func TestProcessesThatSend(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		expect := func(want int) {
			t.Helper()
			end(t, env, tenants.KindCreate)
			if n := len(waiting(t, env)); n != want {
				t.Errorf("%d deliveries wait, want %d", n, want)
			}
		}
		expect(0)
		beside := env.Beside(t, tenantstest.Options{})
		must(t, beside.Store.SendWebhooks(t.Context()))
		expect(1)
		if dropped, err := env.Store.EndWebhooks(t.Context()); dropped != 0 || err != nil {
			t.Errorf("another process sends, and %d were dropped, %v", dropped, err)
		}
		expect(2)
		must(t, beside.Store.Close(t.Context()))
		expect(3)
		if dropped, err := env.Store.EndWebhooks(t.Context()); dropped != 3 || err != nil {
			t.Errorf("%d were dropped, %v", dropped, err)
		}
		expect(0)
	})
}
