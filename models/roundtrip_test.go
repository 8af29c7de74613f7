package models_test

import (
	"reflect"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/models"
	"tenantry/tenants/tenantstest"
)

// TestRowsComeBackAsTheyWere holds for every field: also times stay in UTC and
// lose nothing, regardless of the machine's time zone.
func TestRowsComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, e tenantstest.Engine) {
		db := tenantstest.Migrated(t, e, models.Workspace())
		user := models.User{Email: "Ada@Example.com", Name: "Ada Lövelace", Role: models.RoleAdmin}
		create(t, db, &user)
		sameAgain(t, db, user)
		project := models.Project{Name: "Office", Description: "New\nfurniture", Archived: true}
		create(t, db, &project)
		sameAgain(t, db, project)
		due := date(t, "2026-02-28")
		task := models.Task{
			ProjectID: project.ID, Title: "Order chairs", Status: models.StatusDoing,
			AssigneeID: &user.ID, DueOn: &due, Position: -1 << 62,
		}
		create(t, db, &task)
		if task.Version != 1 {
			t.Errorf("a new task is of version %d", task.Version)
		}
		sameAgain(t, db, task)
		comment := models.Comment{TaskID: task.ID, AuthorID: &user.ID, Body: "Oak,\nplease"}
		create(t, db, &comment)
		sameAgain(t, db, comment)
		activity := models.Activity{ActorID: &user.ID, Action: "task.created", SubjectID: task.ID, Summary: "created task “Order chairs”"}
		create(t, db, &activity)
		sameAgain(t, db, activity)
	})
}

// TestTimesKeepTheirOrder is about SQLite, which compares times as texts of
// different lengths.
func TestTimesKeepTheirOrder(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, e tenantstest.Engine) {
		db := tenantstest.Migrated(t, e, models.Workspace())
		start := time.Date(2026, 2, 28, 23, 59, 59, 0, time.UTC)
		afters := []time.Duration{
			0, time.Microsecond, 10 * time.Microsecond, 100 * time.Millisecond, 110 * time.Millisecond,
			999_999 * time.Microsecond, time.Second, 24 * time.Hour,
		}
		for i := range afters {
			at := start.Add(afters[len(afters)-1-i])
			create(t, db, &models.Activity{Action: "x.y", Summary: "x", CreatedAt: at})
		}
		var sorted []models.Activity
		if err := db.Order("created_at").Find(&sorted).Error; err != nil || len(sorted) != len(afters) {
			t.Fatalf("%d rows, %v", len(sorted), err)
		}
		for i, after := range afters {
			if !sorted[i].CreatedAt.Equal(start.Add(after)) {
				t.Errorf("row %d is of %v, want %v", i, sorted[i].CreatedAt, start.Add(after))
			}
		}
		var later []models.Activity
		if err := db.Find(&later, "created_at > ?", start.Add(100*time.Millisecond)).Error; err != nil || len(later) != 4 {
			t.Errorf("%d rows are later than 100 ms, %v; want 4", len(later), err)
		}
	})
}

// sameAgain reads the row by its primary key and compares every field, which
// for a time includes that its zone is UTC.
func sameAgain[T any](t testing.TB, db *gorm.DB, want T) {
	t.Helper()
	got := want
	reflect.ValueOf(&got).Elem().SetZero()
	if err := db.Where("id = ?", reflect.ValueOf(want).FieldByName("ID").Interface()).Take(&got).Error; err != nil {
		t.Fatalf("read %T: %v", want, err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%T was\n%+v\nand came back as\n%+v", want, want, got)
	}
	created := reflect.ValueOf(got).FieldByName("CreatedAt").Interface().(time.Time)
	if created.IsZero() || created.Location() != time.UTC {
		t.Errorf("%T came back with created_at %v", want, created)
	}
}
