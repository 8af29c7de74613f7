package seed

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
)

// tables is all that a tenant's database holds.
type tables struct {
	users    []*models.User
	projects []*models.Project
	tasks    []*models.Task
	comments []*models.Comment
	activity []*models.Activity
}

// read reads a tenant's tables.
func read(t testing.TB, env *tenantstest.Env, tenant *tenants.Tenant) tables {
	t.Helper()
	var all tables
	err := env.Store.View(context.WithoutCancel(t.Context()), tenant, func(tx *gorm.DB) error {
		for _, rows := range []any{&all.users, &all.projects, &all.tasks, &all.comments, &all.activity} {
			if err := tx.Order("id").Find(rows).Error; err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// numbered is the workspace as an empty database would store it.
func numbered(w *workspace) tables {
	all := tables{users: w.users, projects: w.projects}
	for i, row := range w.users {
		row.ID = int64(i + 1)
	}
	for i, row := range w.projects {
		row.ID = int64(i + 1)
	}
	all.tasks = w.linkedTasks()
	for i, row := range all.tasks {
		row.ID = int64(i + 1)
	}
	all.comments = w.linkedComments()
	for i, row := range all.comments {
		row.ID = int64(i + 1)
	}
	all.activity = w.linkedHistory()
	for i, row := range all.activity {
		row.ID = int64(i + 1)
	}
	return all
}

// String is every column of every row.
func (a tables) String() string {
	var b strings.Builder
	for _, u := range a.users {
		fmt.Fprintln(&b, "user", u.ID, u.Email, u.Name, u.Role, stamp(u.CreatedAt), stamp(u.UpdatedAt))
	}
	for _, p := range a.projects {
		fmt.Fprintln(&b, "project", p.ID, p.Name, p.Description, p.Archived, stamp(p.CreatedAt), stamp(p.UpdatedAt))
	}
	for _, t := range a.tasks {
		fmt.Fprintln(&b, "task", t.ID, t.ProjectID, t.Title, t.Status, number(t.AssigneeID), t.DueOn, t.Position,
			stamp(t.CreatedAt), stamp(t.UpdatedAt))
	}
	for _, c := range a.comments {
		fmt.Fprintln(&b, "comment", c.ID, c.TaskID, number(c.AuthorID), c.Body, stamp(c.CreatedAt))
	}
	for _, e := range a.activity {
		fmt.Fprintln(&b, "activity", e.ID, number(e.ActorID), e.Action, e.SubjectID, e.Summary, stamp(e.CreatedAt))
	}
	return b.String()
}

func (a tables) size() int {
	return len(a.users) + len(a.projects) + len(a.tasks) + len(a.comments) + len(a.activity)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

func number(id *int64) string {
	if id == nil {
		return "nobody"
	}
	return fmt.Sprint(*id)
}

// wantSame compares two dumps and shows the first line that differs.
func wantSame(t testing.TB, what, got, want string) {
	t.Helper()
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(gotLines), len(wantLines)) {
		if gotLines[i] != wantLines[i] {
			t.Errorf("%s: line %d is\n\t%s\nwant\n\t%s", what, i+1, gotLines[i], wantLines[i])
			return
		}
	}
	if len(gotLines) != len(wantLines) {
		t.Errorf("%s: %d lines, want %d", what, len(gotLines), len(wantLines))
	}
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}
