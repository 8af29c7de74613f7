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
	"strconv"
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
	"tenantry/tenants/tenantstest/wait"
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
	return wait.For(t, "messages", func() []jobs.Row { return a.messages(t) }, is)
}

// hurry makes the jobs of a kind that wait be due, and waits until they are done.
func (a *api) hurry(t testing.TB, kind string) {
	t.Helper()
	a.update(t, func(tx *gorm.DB) error {
		tenants.MarkDue(tx, time.Now())
		return tx.Model(&jobs.Row{}).Where("kind = ?", kind).Update("scheduled_at", time.Now().UTC().Add(-time.Hour)).Error
	})
	wait.Until(t, "the jobs "+kind, func() bool { return a.countWaiting(t, kind) == 0 })
}

func (a *api) countWaiting(t testing.TB, kind string) (n int64) {
	t.Helper()
	a.view(t, func(tx *gorm.DB) error { return tx.Model(&jobs.Row{}).Where("kind = ?", kind).Count(&n).Error })
	return n
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
		a.clock.pass(5 * time.Minute)
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
		a.hurry(t, "tasks.assigned")
		if m := server.Await(t, 1)[0]; m.To != "member@acme.test" || m.Header.Get("Subject") != "Assigned to you: Order chairs" || !strings.Contains(m.Text, "https://acme.example.com/tasks/1\n") {
			t.Errorf("assigned: %+v %s", m, m.Text)
		}
		a.hurry(t, "tasks.remind")
		if m := server.Await(t, 2)[1]; m.To != "member@acme.test" || m.Header.Get("Subject") != "Due on "+due || !strings.Contains(m.Text, "Order chairs\nhttps://acme.example.com/tasks/1\n") {
			t.Errorf("due: %+v %s", m, m.Text)
		}
		b.must(t, 200, "PATCH", "/api/me/mail", `{"tasks":false}`, bearer(b.member)...)
		if w := b.must(t, 200, "GET", "/api/me/mail", "", bearer(b.member)...); strings.TrimSpace(w) != `{"tasks":false}` {
			t.Errorf("wanted: %s", w)
		}
		b.must(t, 200, "PATCH", "/api/tasks/2", fmt.Sprintf(`{"assignee_id":%d}`, memberID))
		a.hurry(t, "tasks.assigned")
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

// TestAssignmentsBecomeOneLetter: however often tasks are assigned, to one user goes one letter in five minutes, with all tasks that
// are theirs by then.
func TestAssignmentsBecomeOneLetter(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		server := mailtest.New(t)
		b, _ := a.mailing(t, server)
		b.create(t, "/api/projects", `{"name":"Office"}`)
		for _, title := range []string{"Chairs", "Desks", "Taken back"} {
			b.create(t, "/api/projects/1/tasks", fmt.Sprintf(`{"title":%q}`, title))
		}
		for range 10 {
			for task := 1; task <= 3; task++ {
				for _, assignee := range []string{fmt.Sprint(memberID), "null"} {
					b.must(t, 200, "PATCH", fmt.Sprintf("/api/tasks/%d", task), fmt.Sprintf(`{"assignee_id":%s}`, assignee))
				}
			}
		}
		for task := 1; task <= 2; task++ {
			b.must(t, 200, "PATCH", fmt.Sprintf("/api/tasks/%d", task), fmt.Sprintf(`{"assignee_id":%d}`, memberID))
		}
		var soonest jobs.Row
		a.view(t, func(tx *gorm.DB) error {
			return tx.Where("kind = 'tasks.assigned'").Order("scheduled_at").Take(&soonest).Error
		})
		if n, wait := a.countWaiting(t, "tasks.assigned"), soonest.ScheduledAt.Sub(soonest.CreatedAt).Round(time.Second); n != 3 || wait != 5*time.Minute {
			t.Errorf("%d jobs wait, the first for %v", n, wait)
		}
		a.update(t, func(tx *gorm.DB) error { // one is due: it takes the others along
			tenants.MarkDue(tx, time.Now())
			return tx.Model(&soonest).Update("scheduled_at", time.Now().UTC().Add(-time.Hour)).Error
		})
		letter := server.Await(t, 1)[0]
		b.awaitMessages(t, none)
		text := letter.Text
		if letter.To != "member@acme.test" || letter.Header.Get("Subject") != "2 tasks are assigned to you" ||
			!strings.Contains(text, "Chairs\n") || !strings.Contains(text, "Desks\n") || strings.Contains(text, "Taken back") {
			t.Errorf("letter: %+v %s", letter, text)
		}
		if n, waiting := len(server.Messages()), a.countWaiting(t, "tasks.assigned"); n != 1 || waiting != 0 {
			t.Errorf("%d letters, %d jobs wait", n, waiting)
		}
	})
}

// TestInvitationsAreBounded for each address, under whatever user it is, and for each tenant. A refused invitation changes nothing.
func TestInvitationsAreBounded(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		b := a.wired(t, a.newAccounts(quickHasher(), true))
		refusal := func(name, method, path, body string) scenario {
			return scenario{name: name, method: method, path: path, body: body, status: 429, contains: []string{"problem:too-many-tries", "nvitations"}}
		}
		const person = `{"email":"Ida@acme.test","name":"Ida"}`
		again := func(id int64) string { return fmt.Sprintf("/api/users/%d/invitation", id) }
		id, _ := b.invited(t, "ida")
		b.must(t, 201, "POST", again(id), "")
		b.must(t, 204, "DELETE", fmt.Sprintf("/api/users/%d", id), "")
		b.must(t, 201, "POST", "/api/users", person)
		id++
		refusal("the same address", "POST", again(id), "").run(t, b)
		b.must(t, 204, "DELETE", fmt.Sprintf("/api/users/%d", id), "")
		refusal("under another user", "POST", "/api/users", person).run(t, b)
		for i := range 47 {
			b.must(t, 201, "POST", "/api/users", fmt.Sprintf(`{"email":"u%d@acme.test","name":"U"}`, i))
		}
		reply := b.send(t, "POST", "/api/users", `{"email":"one@acme.test","name":"One too many"}`)
		if wait, err := strconv.Atoi(reply.Header().Get("Retry-After")); reply.Code != 429 || err != nil || wait != 900 {
			t.Errorf("over the tenant's limit: %d, Retry-After %d", reply.Code, wait)
		}
		var stored int64
		a.view(t, func(tx *gorm.DB) error { return tx.Model(&models.User{}).Count(&stored).Error })
		if stored != 49 {
			t.Errorf("%d users", stored)
		}
		if n := len(b.messages(t)); n != 49 { // of the two users who are gone as well
			t.Errorf("%d messages", n)
		}
		a.clock.pass(15 * time.Minute)
		b.must(t, 201, "POST", "/api/users", person)
	})
}

// TestForgottenPasswordsAreOneLetter in five minutes, however often a person or an attacker asks.
func TestForgottenPasswordsAreOneLetter(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		server := mailtest.New(t)
		b, _ := a.mailing(t, server)
		forgot := func(email string) {
			b.must(t, 202, "POST", "/api/password-reset", fmt.Sprintf(`{"email":%q}`, email), "Authorization", "")
		}
		forgot("member@acme.test")
		server.Await(t, 1)
		b.awaitMessages(t, none)
		forgot("Member@acme.test")
		forgot("admin@acme.test")
		server.Await(t, 2)
		b.awaitMessages(t, none)
		a.clock.pass(5 * time.Minute)
		forgot("member@acme.test")
		all := server.Await(t, 3)
		b.awaitMessages(t, none)
		if n := len(server.Messages()); n != 3 || all[1].To != "admin@acme.test" || all[2].To != "member@acme.test" {
			t.Errorf("%d letters: %+v", n, all)
		}
	})
}
