package handlers_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"gorm.io/gorm"

	"tenantry/handlers"
	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/files"
	"tenantry/tenants/jobs"
	"tenantry/tenants/tenantstest/wait"
)

// hasContents fails the test unless so many contents are stored, and none is staged.
func (a *api) hasContents(t *testing.T, want int) {
	t.Helper()
	var names []string
	err := filepath.WalkDir(a.stored, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, strings.TrimPrefix(path, a.stored))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(names) != want || strings.Contains(strings.Join(names, " "), "_staged") {
		t.Errorf("%d files are stored, want %d: %q", len(names), want, names)
	}
}

// upload returns the scenario of an upload of a raw body.
func upload(name, body string, status int, contains ...string) scenario {
	return scenario{name: name, method: "POST", path: "/api/tasks/1/attachments?name=" + url.QueryEscape(name), body: body,
		header: []string{"Content-Type", "text/plain; charset=utf-8"}, status: status, contains: contains}
}

func TestAttachments(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.create(t, "/api/projects", `{"name":"Office"}`)
		a.create(t, "/api/projects/1/tasks", `{"title":"Order chairs"}`)
		const path = "/api/tasks/1/attachments"
		sum := sha256.Sum256([]byte("oak"))
		member := upload("plan.txt", "oak", 201, `"id":2,"task_id":1,"author_id":-2,"author_name":"Member"`)
		member.header = append(member.header, bearer(a.member)...)
		form := "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"chair ä.svg\"\r\nContent-Type: image/svg+xml\r\n\r\n<svg/>\r\n--x--\r\n"
		multipart := func(name, body string, status int, contains ...string) scenario {
			return scenario{name: name, method: "POST", path: path, body: body, status: status, contains: contains, header: []string{"Content-Type", "multipart/form-data; boundary=x"}}
		}
		runAll(t, a, []scenario{
			{method: "GET", path: path, status: 200, contains: []string{`{"items":[],"next":null}`}},
			upload("plan.txt", "oak", 201, `"id":1,"task_id":1,"author_id":-1,`, `"name":"plan.txt","type":"text/plain","size":3,"sha256":"`+hex.EncodeToString(sum[:])+`"`),
			member,
			multipart("form", form, 201, `"id":3`, `"name":"chair ä.svg","type":"image/svg+xml","size":6`),
			multipart("another part", strings.Replace(form, "--x--", "--x\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\nb\r\n--x--", 1), 422, `"field":"file","message":"must be the only part`),
			multipart("another name", strings.Replace(form, `name="file"`, `name="b"`, 1), 422, `"field":"file"`),
			multipart("no end", strings.TrimSuffix(form, "--x--\r\n"), 400, "problem:malformed"),
			upload(`C:\fakepath\plan.txt`, "", 201, `"id":4`, `"name":"plan.txt"`, `"size":0`),
			upload("../../etc/passwd", "x", 201, `"id":5`, `"name":"passwd"`),
			upload(strings.Repeat("x", 256), "x", 422, `"field":"name"`),
			upload(strings.Repeat("ä", 128), "x", 422, `"field":"name","message":"must be at most 255 bytes long"`),
			upload("a\x00b", "x", 422), upload("a\nb", "x", 422), upload("a\u202egnp.exe", "x", 422), upload("\xff", "x", 422),
			upload("..", "x", 422, `"field":"name"`), upload("a/", "x", 422), upload("", "x", 422),
			upload("big", strings.Repeat("x", maxFile), 201, `"id":6`),
			upload("too big", strings.Repeat("x", maxFile+1), 413, "problem:file-too-large"),
			{method: "POST", path: "/api/tasks/9/attachments?name=x", body: "x", status: 404},
			{method: "GET", path: "/api/tasks/9/attachments", status: 404},
			{method: "GET", path: "/api/attachments/9", status: 404},
			{method: "GET", path: path + "?limit=1", status: 200, contains: []string{`"id":1`}, lacks: []string{`"id":2`, `"next":null`}},
			{method: "GET", path: "/api/activity", status: 200, contains: []string{`"action":"task.attached","subject_id":1,"summary":"attached “plan.txt” to task “Order chairs”"`}},
			{name: "of another user", method: "DELETE", path: "/api/attachments/1", header: bearer(a.member), status: 403, contains: []string{"problem:forbidden"}},
			{name: "one's own", method: "DELETE", path: "/api/attachments/2", header: bearer(a.member), status: 204},
			{method: "DELETE", path: "/api/attachments/2", status: 404},
			{method: "GET", path: "/api/activity?limit=1", status: 200, contains: []string{`"summary":"deleted “plan.txt” from task “Order chairs”"`}},
		})
		a.hasContents(t, 6) // the removed one stays for a while
		a.downloads(t)
		a.must(t, 204, "DELETE", "/api/projects/1", "")
		a.removes(t)
	})
}

// endless is a body that goes on for 4 MB, and counts what is read of it.
type endless struct {
	begin, more string
	read        int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.read >= 4<<20 {
		return 0, io.EOF
	}
	n := copy(p, e.begin)
	if e.begin = e.begin[n:]; n == 0 {
		n = copy(p, e.more)
	}
	e.read += n
	return n, nil
}

// TestFormsAroundFilesAreBounded: little is read of a form beside its file, because headers of parts are held in memory.
func TestFormsAroundFilesAreBounded(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.create(t, "/api/projects", `{"name":"Office"}`)
		a.create(t, "/api/projects/1/tasks", `{"title":"Order chairs"}`)
		file := "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\noak\r\n--x"
		line := strings.Repeat("y", 100)
		for name, body := range map[string]*endless{
			"before the file":               {more: line + "\r\n"},
			"a line of the header":          {begin: "--x\r\nA: ", more: line},
			"lines of the header":           {begin: "--x\r\n", more: "A: " + line + "\r\n"},
			"the header of the second part": {begin: file + "\r\nA: ", more: line},
			"after the end":                 {begin: file + "--\r\n", more: line + "\r\n"},
		} {
			request := httptest.NewRequestWithContext(t.Context(), "POST", "/api/tasks/1/attachments", body)
			request.Host = a.tenant.Subdomain + ".localhost"
			request.Header.Set("Authorization", "Bearer "+a.admin)
			request.Header.Set("Content-Type", "multipart/form-data; boundary=x")
			reply := httptest.NewRecorder()
			a.router.ServeHTTP(reply, request)
			if reply.Code != 400 && reply.Code != 422 || body.read > 100<<10 {
				t.Errorf("%s: %d after %d bytes: %s", name, reply.Code, body.read, reply.Body)
			}
		}
		a.hasContents(t, 0)
	})
}

// downloads looks at what browsers are told of a file.
func (a *api) downloads(t *testing.T) {
	t.Helper()
	reply := a.send(t, "GET", "/api/attachments/3", "")
	if reply.Body.String() != "<svg/>" {
		t.Errorf("the file has %q", reply.Body)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/octet-stream", "Content-Length": "6", "X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-store",
		"Content-Disposition": "attachment; filename*=utf-8''chair%20%C3%A4.svg", "Content-Security-Policy": "default-src 'none'; sandbox",
	} {
		if got := reply.Header().Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if head := a.send(t, "HEAD", "/api/attachments/3", ""); head.Code != 200 || head.Body.Len() > 0 || !reflect.DeepEqual(head.Header(), reply.Header()) {
		t.Errorf("HEAD: %d, %d bytes of the file were read; %v, want %v", head.Code, head.Body.Len(), head.Header(), reply.Header())
	}
	if a.send(t, "GET", "/api/attachments/3", "", "Authorization", "Bearer "+strings.Repeat("x", 50)).Code != 401 {
		t.Error("a stranger gets the file")
	}
	a.partialDownloads(t)
}

// partialDownloads asks for parts of "<svg/>", as downloads that are resumed do.
func (a *api) partialDownloads(t *testing.T) {
	t.Helper()
	sum := sha256.Sum256([]byte("<svg/>"))
	etag := `"` + hex.EncodeToString(sum[:]) + `"`
	for _, test := range []struct {
		method, asked, ifRange string
		status                 int
		body, part, length     string
	}{
		{"GET", "", "", 200, "<svg/>", "", "6"}, {"HEAD", "", "", 200, "", "", "6"}, {"HEAD", "bytes=1-3", "", 200, "", "", "6"},
		{"GET", "bytes=1-3", "", 206, "svg", "bytes 1-3/6", "3"}, {"GET", "bytes=4-", "", 206, "/>", "bytes 4-5/6", "2"}, {"GET", "bytes=-1", "", 206, ">", "bytes 5-5/6", "1"},
		{"GET", "bytes=0-99", "", 206, "<svg/>", "bytes 0-5/6", "6"}, {"GET", "bytes=1-3", etag, 206, "svg", "bytes 1-3/6", "3"},
		{"GET", "bytes=1-3", `"another"`, 200, "<svg/>", "", "6"}, {"GET", "bytes=1-3", "W/" + etag, 200, "<svg/>", "", "6"},
		{"GET", "bytes=0-1,3-4", "", 200, "<svg/>", "", "6"}, {"GET", "items=0-1", "", 200, "<svg/>", "", "6"},
		{"GET", "bytes=6-", "", 416, "problem:range-not-satisfiable", "bytes */6", ""}, {"GET", "bytes=6-", `"another"`, 200, "<svg/>", "", "6"},
		{"GET", "bytes=3-1", "", 416, "problem:range-not-satisfiable", "bytes */6", ""},
	} {
		r := a.send(t, test.method, "/api/attachments/3", "", "Range", test.asked, "If-Range", test.ifRange)
		h, body := r.Header(), r.Body.String()
		right := r.Code == test.status && h.Get("Content-Range") == test.part && (test.length == "" || h.Get("Content-Length") == test.length)
		if test.status == 416 {
			right = right && strings.Contains(body, test.body) && h.Get("Etag") == "" && h.Get("Content-Disposition") == "" && h.Get("Content-Type") == "application/problem+json"
		} else {
			right = right && body == test.body && h.Get("Accept-Ranges") == "bytes" && h.Get("Etag") == etag && h.Get("Content-Type") == "application/octet-stream"
		}
		if !right {
			t.Errorf("%+v: %d %v %s", test, r.Code, h, body)
		}
	}
	if r := a.send(t, "GET", "/api/attachments/3", "", "If-None-Match", etag); r.Code != 304 || r.Body.Len() > 0 {
		t.Errorf("what is there already: %d %s", r.Code, r.Body)
	}
	if r := a.send(t, "GET", "/api/attachments/4", "", "Range", "bytes=0-"); r.Code != 200 || r.Header().Get("Content-Length") != "0" {
		t.Errorf("an empty file: %d %v", r.Code, r.Header())
	}
	a.loseContents(t)
	for _, method := range []string{"GET", "HEAD"} {
		r := a.send(t, method, "/api/attachments/3", "", "Range", "bytes=1-")
		if r.Code != 410 || r.Header().Get("Etag") != "" || r.Header().Get("Content-Range") != "" || r.Header().Get("Content-Disposition") != "" {
			t.Errorf("a lost file: %d %v", r.Code, r.Header())
		}
	}
}

// loseContents removes the contents of the tenant's files behind the application's back.
func (a *api) loseContents(t *testing.T) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(a.stored, a.tenant.ID)); err != nil {
		t.Fatal(err)
	}
}

// removes runs the jobs that remove contents, when they are due.
func (a *api) removes(t *testing.T) {
	t.Helper()
	workers := jobs.NewWorkers()
	a.files.Register(workers)
	err := a.store.Update(t.Context(), a.tenant, func(tx *gorm.DB) error {
		var rows int64
		if err := tx.Model(&files.Row{}).Count(&rows).Error; err != nil || rows != 0 {
			t.Errorf("%d files have rows, %v", rows, err)
		}
		tenants.MarkDue(tx, time.Now())
		return tx.Model(&jobs.Row{}).Where("kind = 'files.remove'").Update("scheduled_at", time.Now().UTC()).Error
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); jobs.New(a.store, workers, jobs.Config{Log: a.log.logger()}).Run(ctx) }()
	wait.Until(t, "the worker to have done all jobs", func() bool {
		var left int64
		a.view(t, func(tx *gorm.DB) error { return tx.Model(&jobs.Row{}).Count(&left).Error })
		return left == 0
	})
	stop()
	<-ended
	a.hasContents(t, 0)
}

// TestRefusedAttachmentsLeaveNothing: not when the body breaks off, the scope is rolled back, the disk or the tenant is full.
func TestRefusedAttachmentsLeaveNothing(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.create(t, "/api/projects", `{"name":"Office"}`)
		a.create(t, "/api/projects/1/tasks", `{"title":"Order chairs"}`)
		broken := httptest.NewRequestWithContext(t.Context(), "POST", "/api/tasks/1/attachments?name=x", iotest.TimeoutReader(strings.NewReader("half")))
		broken.Host = a.tenant.Subdomain + ".localhost"
		broken.Header.Set("Authorization", "Bearer "+a.admin)
		reply := httptest.NewRecorder()
		if a.router.ServeHTTP(reply, broken); reply.Code != 400 {
			t.Errorf("a body that breaks off gets %d: %s", reply.Code, reply.Body)
		}
		a.hasContents(t, 0)

		a.limit(t, 10)
		upload("first", "12345", 201).run(t, a)
		upload("second", "123456", 507, "problem:files-full").run(t, a)
		upload("exactly", "12345", 201).run(t, a)
		a.hasContents(t, 2)
		a.limit(t, 0)

		a.fillTask(t)
		upload("one more", "x", 409, "problem:conflict").run(t, a)
		a.hasContents(t, 2)
		if err := os.Chmod(a.stored, 0o500); err == nil && os.Geteuid() != 0 {
			upload("no room", "x", 503, "problem:unavailable").run(t, a)
		}
	})
}

// limit sets what the tenant's files may take.
func (a *api) limit(t *testing.T, bytes int64) {
	t.Helper()
	err := a.store.Master().Update(t.Context(), func(tx *gorm.DB) error {
		return tx.Model(&tenants.Tenant{ID: a.tenant.ID}).Update("limit_files", bytes).Error
	})
	if err != nil {
		t.Fatal(err)
	}
	a.store.Refresh(a.tenant.ID)
}

// fillTask gives the task as many attachments as it can have.
func (a *api) fillTask(t *testing.T) {
	t.Helper()
	err := a.store.Update(t.Context(), a.tenant, func(tx *gorm.DB) error {
		for i := range handlers.MaxAttachments {
			row := files.Row{ID: fmt.Sprintf("%026d", i), Type: "text/plain", SHA256: strings.Repeat("0", 64), CreatedAt: time.Now().UTC()}
			if err := tx.Create(&row).Error; err != nil {
				return err
			}
			if err := tx.Create(&models.Attachment{TaskID: 1, FileID: row.ID, Name: "x"}).Error; err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if reply := a.send(t, "GET", "/api/attachments/3", ""); reply.Code != http.StatusGone {
		t.Errorf("a file whose content is lost gets %d: %s", reply.Code, reply.Body)
	}
}
