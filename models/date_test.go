package models_test

import (
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"tenantry/models"
	"tenantry/tenants/tenantstest"
)

var (
	_ driver.Valuer    = models.Date{}
	_ sql.Scanner      = (*models.Date)(nil)
	_ json.Marshaler   = models.Date{}
	_ json.Unmarshaler = (*models.Date)(nil)
)

// badDates are texts that every reader of dates must refuse.
func badDates() map[string]string {
	return map[string]string{
		"empty":            "",
		"space":            " 2026-02-28",
		"newline":          "2026-02-28\n",
		"one digit":        "2026-2-8",
		"five-digit year":  "12026-02-28",
		"no such month":    "2026-13-01",
		"month zero":       "2026-00-01",
		"no such day":      "2026-02-29",
		"day zero":         "2026-02-00",
		"with a time":      "2026-02-28T00:00:00Z",
		"slashes":          "2026/02/28",
		"negative":         "-026-02-28",
		"other digits":     "２０２６-02-28",
		"year zero":        "0000-01-01",
		"the zero Date":    "0001-01-01",
		"word of Postgres": "infinity",
		"long":             strings.Repeat("2026-02-28", 100_000),
	}
}

func TestParseDate(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"2026-02-28", "2024-02-29", "0001-01-02", "9999-12-31"} {
		date, err := models.ParseDate(s)
		if err != nil || date.String() != s {
			t.Errorf("ParseDate(%q) = %v, %v", s, date, err)
		}
	}
}

func TestParseDateRefuses(t *testing.T) {
	t.Parallel()
	for name, s := range badDates() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			date, err := models.ParseDate(s)
			if err == nil || date != (models.Date{}) {
				t.Fatalf("ParseDate = %v, %v; want the zero Date and an error", date, err)
			}
			if n := len(err.Error()); n > 250 {
				t.Errorf("the error repeats %d bytes of the input", n)
			}
		})
	}
}

func FuzzParseDate(f *testing.F) {
	for _, s := range badDates() {
		f.Add(s[:min(len(s), 64)])
	}
	f.Add("2026-02-28")
	f.Fuzz(func(t *testing.T, s string) {
		date, err := models.ParseDate(s)
		if err != nil {
			return
		}
		if date.String() != s {
			t.Errorf("ParseDate(%q) is %v", s, date)
		}
		if date == (models.Date{}) {
			t.Errorf("ParseDate(%q) is the zero Date", s)
		}
		if _, err := date.Value(); err != nil {
			t.Errorf("%q can't be stored: %v", s, err)
		}
	})
}

func TestDateOf(t *testing.T) {
	t.Parallel()
	east, west := time.FixedZone("east", 14*3600), time.FixedZone("west", -12*3600)
	noon := time.Date(2026, 2, 28, 11, 30, 0, 0, time.UTC)
	for _, test := range []struct {
		in   time.Time
		want string
	}{
		{noon, "2026-02-28"},
		{noon.In(east), "2026-03-01"},
		{noon.In(west), "2026-02-27"},
		{time.Date(2026, 2, 28, 23, 59, 59, 999_999_999, time.UTC), "2026-02-28"},
	} {
		if got := models.DateOf(test.in); got != date(t, test.want) {
			t.Errorf("DateOf(%v) = %v, want %s", test.in, got, test.want)
		}
	}
}

func TestDateJSON(t *testing.T) {
	t.Parallel()
	type body struct {
		DueOn *models.Date `json:"due_on"`
	}
	for _, text := range []string{`{"due_on":"2026-02-28"}`, `{"due_on":null}`} {
		var b body
		if err := json.Unmarshal([]byte(text), &b); err != nil {
			t.Fatalf("read %s: %v", text, err)
		}
		if got, err := json.Marshal(b); err != nil || string(got) != text {
			t.Errorf("%s became %s, %v", text, got, err)
		}
	}
}

func TestDateJSONRefuses(t *testing.T) {
	t.Parallel()
	texts := []string{`null`, `20260228`, `{}`, `["2026-02-28"]`, `true`}
	for _, s := range badDates() {
		quoted, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(quoted))
	}
	for _, text := range texts {
		got := date(t, "2026-02-28")
		if err := json.Unmarshal([]byte(text), &got); err == nil {
			t.Errorf("%.40s was taken for %v", text, got)
		}
		if got != date(t, "2026-02-28") {
			t.Errorf("%.40s was refused and still changed the date to %v", text, got)
		}
	}
}

func TestDateOutOfRangeIsNeitherStoredNorShown(t *testing.T) {
	t.Parallel()
	for _, d := range []models.Date{
		{},
		models.DateOf(time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)),
		models.DateOf(time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC)),
	} {
		if v, err := d.Value(); err == nil {
			t.Errorf("%v is stored as %v", d, v)
		}
		if text, err := json.Marshal(d); err == nil {
			t.Errorf("%v is shown as %s", d, text)
		}
	}
}

func TestDateScan(t *testing.T) {
	t.Parallel()
	midnight := time.Date(2026, 2, 28, 0, 0, 0, 0, time.UTC)
	for name, value := range map[string]any{
		"text":               "2026-02-28",
		"time":               midnight,
		"time in other zone": midnight.In(time.FixedZone("west", -5*3600)),
	} {
		var got models.Date
		if err := got.Scan(value); err != nil || got != date(t, "2026-02-28") {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	for name, value := range map[string]any{
		"nil": nil, "number": int64(20260228), "zero time": time.Time{}, "bad text": "infinity",
	} {
		got := date(t, "2026-02-28")
		if err := got.Scan(value); err == nil || got != date(t, "2026-02-28") {
			t.Errorf("%s: %v, %v; want an error and no change", name, got, err)
		}
	}
}

func TestDateInDatabase(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, e tenantstest.Engine) {
		db := tenantstest.Migrated(t, e, models.Workspace())
		project := models.Project{Name: "Office"}
		create(t, db, &project)
		for i, s := range []string{"2026-02-28", "2024-02-29", "0001-01-02", "9999-12-31"} {
			want := date(t, s)
			task := models.Task{ProjectID: project.ID, Title: s, Status: models.StatusTodo, Position: int64(i), DueOn: &want}
			create(t, db, &task)
			var got models.Task
			if err := db.Take(&got, "due_on = ?", want).Error; err != nil {
				t.Fatalf("find the task due on %s: %v", s, err)
			}
			if got.ID != task.ID || got.DueOn == nil || *got.DueOn != want {
				t.Errorf("task %d due on %v came back as task %d due on %v", task.ID, want, got.ID, got.DueOn)
			}
		}
		var last models.Date
		if err := db.Raw("SELECT max(due_on) FROM tasks").Row().Scan(&last); err != nil || last != date(t, "9999-12-31") {
			t.Errorf("max(due_on) is %v, %v", last, err)
		}
	})
}

func TestAbsentDateInDatabase(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, e tenantstest.Engine) {
		db := tenantstest.Migrated(t, e, models.Workspace())
		project := models.Project{Name: "Office", Tasks: []models.Task{{Title: "Order chairs", Status: models.StatusTodo}}}
		create(t, db, &project)
		var got models.Task
		if err := db.Take(&got, project.Tasks[0].ID).Error; err != nil || got.DueOn != nil {
			t.Errorf("a task without a date is due on %v, %v", got.DueOn, err)
		}
	})
}

func date(t testing.TB, s string) models.Date {
	t.Helper()
	d, err := models.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
