package handlers_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/handlers"
	"tenantry/handlers/mail"
	"tenantry/handlers/mail/mailtest"
	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/jobs"
)

// mailing is the API with messages, which a mail server takes; or with messages that wait for operators.
func (a *api) mailing(t *testing.T, server *mailtest.Server) (*api, *mail.Post) {
	t.Helper()
	b := a.wired(t, a.newAccounts(quickHasher(), true))
	var sender *mail.Server
	if server != nil {
		var err error
		sender, err = mail.NewServer(mail.Settings{URL: "smtp://" + server.Addr, From: "no-reply@acme.test", Away: time.Millisecond, Timeout: 2 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
	}
	letters := handlers.Letters(b.accounts.Origin)
	maps.Copy(letters, b.accounts.Letters())
	post := mail.NewPost(sender, letters, slog.New(slog.DiscardHandler))
	w := handlers.Jobs()
	post.Register(w)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		jobs.New(a.store, w, jobs.Config{Log: slog.New(slog.DiscardHandler)}).Run(ctx)
	}()
	t.Cleanup(func() { stop(); <-ended })
	return b, post
}

// messages returns the jobs that are messages.
func (a *api) messages(t testing.TB) (rows []jobs.Row) {
	t.Helper()
	a.view(t, func(tx *gorm.DB) error { return tx.Where("kind = 'mail.send'").Order("id").Find(&rows).Error })
	return rows
}

// awaitMessages waits until the jobs that are messages are as is says.
func (a *api) awaitMessages(t testing.TB, is func(rows []jobs.Row) bool) []jobs.Row {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		rows := a.messages(t)
		if is(rows) {
			return rows
		}
		if time.Now().After(end) {
			t.Fatalf("messages: %+v", rows)
		}
	}
}

func none(rows []jobs.Row) bool { return len(rows) == 0 }

var linkPattern = regexp.MustCompile(`https://acme\.example\.com/invitation\?token=\S+`)

// TestMailWithLinks: invited people, and those who forgot their password, get a link to their tenant that works once. The
// answer to an address is the same whether or not a user has it, and the database never holds what is in the link.
func TestMailWithLinks(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		server := mailtest.New(t)
		b, _ := a.mailing(t, server)
		_, shown := b.invited(t, "Ida")
		letter := server.Await(t, 1)[0]
		mailed := tokenOf(t, linkPattern.FindString(letter.Text))
		if letter.To != "ida@acme.test" || mailed == shown || mailed == "" || !strings.Contains(letter.Header.Get("Subject"), "invitation to") {
			t.Fatalf("letter: %+v", letter)
		}
		accept(t, "mailed", mailed, 201).run(t, b)
		accept(t, "shown, after the mailed one", shown, 401).run(t, b)
		session := b.signIn(t, "ida@acme.test", otherPassword)

		forgot := func(email string) *httptest.ResponseRecorder {
			return b.send(t, "POST", "/api/password-reset", fmt.Sprintf(`{"email":%q}`, email), "Authorization", "")
		}
		there, elsewhere := forgot("IDA@acme.test"), forgot("nobody@acme.test")
		if there.Code != 202 || elsewhere.Code != 202 || there.Body.String() != elsewhere.Body.String() || fmt.Sprint(there.Header()) != fmt.Sprint(elsewhere.Header()) {
			t.Errorf("the answers differ: %v %v", there, elsewhere)
		}
		reset := server.Await(t, 2)[1]
		b.awaitMessages(t, none)
		if n := len(server.Messages()); n != 2 || reset.To != "ida@acme.test" {
			t.Errorf("%d messages, the last to %s", n, reset.To)
		}
		token := tokenOf(t, linkPattern.FindString(reset.Text))
		b.signIn(t, "ida@acme.test", otherPassword) // nothing is changed yet
		runAll(t, b, []scenario{
			accept(t, "reset", token, 201, `"email":"ida@acme.test"`),
			accept(t, "replayed", token, 401),
			refused("sessions from before", bearer(session.Token)...),
			{name: "bad address", method: "POST", path: "/api/password-reset", body: `{"email":"x"}`, header: []string{"Authorization", ""}, status: 422},
		})
		forgot("ida@acme.test")
		late := tokenOf(t, linkPattern.FindString(server.Await(t, 3)[2].Text))
		a.clock.pass(time.Hour)
		accept(t, "after an hour", late, 401).run(t, b)
		for range 5 {
			b.send(t, "POST", "/api/password-reset", `{"email":"many@acme.test"}`, "Authorization", "")
		}
		if w := b.send(t, "POST", "/api/password-reset", `{"email":"many@acme.test"}`, "Authorization", ""); w.Code != 429 {
			t.Errorf("the sixth try: %d", w.Code)
		}
	})
}

// TestMailWaitsForTheServer: while the mail server is away, nothing is lost, and what waits holds no token; when it is back, each message is
// sent once, with a link that works. What it refuses for good is discarded with the reason.
func TestMailWaitsForTheServer(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		server := mailtest.New(t)
		server.Stop()
		b, _ := a.mailing(t, server)
		b.invited(t, "Ida")
		rows := b.awaitMessages(t, func(rows []jobs.Row) bool { return len(rows) == 1 && rows[0].Attempt > 0 && rows[0].Error != "" })
		if text, _ := json.Marshal(rows[0]); strings.Contains(string(text), "tnti_") || !strings.Contains(rows[0].Error, "mail server") {
			t.Errorf("what waits: %s", text)
		}
		server.Start(t)
		link := linkPattern.FindString(server.Await(t, 1)[0].Text)
		b.awaitMessages(t, none)
		if n := len(server.Messages()); n != 1 {
			t.Errorf("%d messages", n)
		}
		accept(t, "late", tokenOf(t, link), 201).run(t, b)

		server.Answer(func(verb string) string {
			if verb == "RCPT" {
				return "550 5.1.1 no such box"
			}
			return ""
		})
		b.invited(t, "Lea")
		dead := b.awaitMessages(t, func(rows []jobs.Row) bool { return len(rows) == 1 && rows[0].State == jobs.Discarded })
		if !strings.Contains(dead[0].Error, "no such box") || dead[0].Attempt != 1 {
			t.Errorf("dead letter: %+v", dead)
		}
	})
}

// TestMailWithoutServer waits for an operator, once for each person, and only if there is something to pass on.
func TestMailWithoutServer(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		b, post := a.mailing(t, nil)
		for range 2 {
			b.must(t, 202, "POST", "/api/password-reset", `{"email":"member@acme.test"}`, "Authorization", "")
			b.must(t, 202, "POST", "/api/password-reset", `{"email":"nobody@acme.test"}`, "Authorization", "")
			b.awaitMessages(t, func(rows []jobs.Row) bool { return len(rows) == 1 && rows[0].State == jobs.Discarded })
		}
		row := b.messages(t)[0]
		var credentials int64
		a.view(t, func(tx *gorm.DB) error {
			return tx.Model(&models.Credential{}).Where("kind = ?", models.KindInvitation).Count(&credentials).Error
		})
		if credentials > 0 || row.Error != mail.ErrNoServer.Error() {
			t.Errorf("%d links, %+v", credentials, row)
		}
		var last string
		for range 2 {
			letter, err := post.Open(t.Context(), a.store, a.tenant, "Ada", row.ID)
			if err != nil || letter.To != "member@acme.test" {
				t.Fatalf("open: %+v, %v", letter, err)
			}
			if last != "" {
				accept(t, "opened before", last, 401).run(t, b)
			}
			last = tokenOf(t, linkPattern.FindString(letter.Text))
		}
		accept(t, "opened", last, 201).run(t, b)
		if _, err := post.Open(t.Context(), a.store, a.tenant, "Ada", "01m8"); !errors.Is(err, gorm.ErrRecordNotFound) {
			t.Errorf("open an unknown one: %v", err)
		}
	})
}

// TestMailAboutTasks: assignees are written to when others assign a task, and the day before it is due; not if they want none, and not if
// the task isn't theirs any more. A title ends no header.
func TestMailAboutTasks(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		server := mailtest.New(t)
		b, _ := a.mailing(t, server)
		due := models.DateOf(time.Now().UTC().AddDate(0, 0, 10)).String()
		b.create(t, "/api/projects", `{"name":"Office"}`)
		b.create(t, "/api/projects/1/tasks", fmt.Sprintf(`{"title":"Order chairs","assignee_id":%d,"due_on":%q}`, memberID, due))
		b.create(t, "/api/projects/1/tasks", fmt.Sprintf(`{"title":"My own","assignee_id":%d}`, adminID))
		if m := server.Await(t, 1)[0]; m.To != "member@acme.test" || m.Header.Get("Subject") != "Assigned to you: Order chairs" || !strings.Contains(m.Text, "https://acme.example.com/tasks/1\n") {
			t.Errorf("assigned: %+v %s", m, m.Text)
		}
		a.update(t, func(tx *gorm.DB) error {
			tenants.MarkDue(tx, time.Now())
			return tx.Model(&jobs.Row{}).Where("kind = 'tasks.remind'").Update("scheduled_at", time.Now().UTC().Add(-time.Hour)).Error
		})
		if m := server.Await(t, 2)[1]; m.To != "member@acme.test" || m.Header.Get("Subject") != "Due on "+due || !strings.Contains(m.Text, "Order chairs\nhttps://acme.example.com/tasks/1\n") {
			t.Errorf("due: %+v %s", m, m.Text)
		}
		b.must(t, 200, "PATCH", "/api/me/mail", `{"tasks":false}`, bearer(b.member)...)
		if w := b.must(t, 200, "GET", "/api/me/mail", "", bearer(b.member)...); strings.TrimSpace(w) != `{"tasks":false}` {
			t.Errorf("wanted: %s", w)
		}
		b.must(t, 200, "PATCH", "/api/tasks/2", fmt.Sprintf(`{"assignee_id":%d}`, memberID))
		b.awaitMessages(t, none)
		b.must(t, 200, "PATCH", "/api/me/mail", `{"tasks":true}`, bearer(b.member)...)
		b.must(t, 422, "PATCH", "/api/me/mail", `{"tasks":"no"}`, bearer(b.member)...)
		a.update(t, func(tx *gorm.DB) error {
			for _, m := range []mail.Message{{Name: "task-assigned", UserID: adminID, TaskID: 1}, {Name: "task-assigned", UserID: memberID, TaskID: 2}} {
				if err := mail.Enqueue(tx, m, ""); err != nil {
					return err
				}
			}
			return tx.Model(&models.Task{}).Where("id = 2").Update("title", "x\r\nBcc: mallory@evil.test").Error
		})
		b.awaitMessages(t, none)
		all := server.Messages()
		if len(all) != 3 || all[2].To != "member@acme.test" || all[2].Header.Get("Bcc") != "" {
			t.Errorf("%d messages: %+v", len(all), all[len(all)-1])
		}
	})
}
