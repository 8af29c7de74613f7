package models_test

import (
	"strings"
	"testing"

	"gorm.io/gorm"

	"tenantry/models"
	"tenantry/tenants/tenantstest"
)

func TestEmailIsUniqueWithoutRegardToCase(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, e tenantstest.Engine) {
		db := tenantstest.Migrated(t, e, models.Workspace())
		create(t, db, &models.User{Email: "Ada@Example.com", Name: "Ada", Role: models.RoleAdmin})
		for _, email := range []string{"Ada@Example.com", "ada@example.com", "ADA@EXAMPLE.COM"} {
			refused(t, db, &models.User{Email: email, Name: "Other", Role: models.RoleMember}, "users_email_key")
		}
		create(t, db, &models.User{Email: "ada@example.org", Name: "Ada", Role: models.RoleAdmin})

		var ada models.User
		if err := db.Take(&ada, "lower(email) = lower(?)", "ADA@example.com").Error; err != nil || ada.Email != "Ada@Example.com" {
			t.Errorf("found %q, %v; the address should be as it was typed", ada.Email, err)
		}
	})
}

func TestProjectNameIsUnique(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, e tenantstest.Engine) {
		db := tenantstest.Migrated(t, e, models.Workspace())
		create(t, db, &models.Project{Name: "Office"})
		name := "projects_name_key"
		if e == tenantstest.SQLite {
			name = "projects.name" // SQLite names the columns of a plain index
		}
		refused(t, db, &models.Project{Name: "Office"}, name)
	})
}

func TestDeletingAProjectDeletesItsTasks(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, e tenantstest.Engine) {
		db := tenantstest.Migrated(t, e, models.Workspace())
		office, garden := workspace(t, db)
		if err := db.Delete(&models.Project{}, office.ID).Error; err != nil {
			t.Fatal(err)
		}
		var left []models.Task
		if err := db.Find(&left).Error; err != nil {
			t.Fatal(err)
		}
		if len(left) != 1 || left[0].ProjectID != garden.ID {
			t.Errorf("tasks left: %+v, want the one of project %d", left, garden.ID)
		}
		count(t, db, &models.User{}, 1)
		count(t, db, &models.Activity{}, 1)
	})
}

func TestDeletingAUserKeepsTasksAndActivity(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, e tenantstest.Engine) {
		db := tenantstest.Migrated(t, e, models.Workspace())
		workspace(t, db)
		if err := db.Delete(&models.User{}, "email = ?", "ada@example.com").Error; err != nil {
			t.Fatal(err)
		}
		count(t, db, &models.User{}, 0)
		count(t, db, &models.Task{}, 3, "assignee_id IS NULL")
		count(t, db, &models.Activity{}, 1, "actor_id IS NULL")
	})
}

// TestCommentsGoWithTheirTask and stay without their author.
func TestCommentsGoWithTheirTask(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, e tenantstest.Engine) {
		db := tenantstest.Migrated(t, e, models.Workspace())
		office, garden := workspace(t, db)
		var ada models.User
		if err := db.Take(&ada).Error; err != nil {
			t.Fatal(err)
		}
		for _, task := range []models.Task{office.Tasks[0], office.Tasks[0], garden.Tasks[0]} {
			create(t, db, &models.Comment{TaskID: task.ID, AuthorID: &ada.ID, Body: "Oak"})
		}
		if err := db.Delete(&ada).Error; err != nil {
			t.Fatal(err)
		}
		count(t, db, &models.Comment{}, 3, "author_id IS NULL")
		if err := db.Delete(&models.Task{}, office.Tasks[0].ID).Error; err != nil {
			t.Fatal(err)
		}
		count(t, db, &models.Comment{}, 1)
		if err := db.Delete(&models.Project{}, garden.ID).Error; err != nil {
			t.Fatal(err)
		}
		count(t, db, &models.Comment{}, 0)
	})
}

func TestReferencesMustExist(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, e tenantstest.Engine) {
		db := tenantstest.Migrated(t, e, models.Workspace())
		office, _ := workspace(t, db)
		nobody := int64(1 << 40)
		name := func(constraint string) string {
			if e == tenantstest.SQLite {
				return "FOREIGN KEY" // SQLite doesn't say which
			}
			return constraint
		}
		refused(t, db, &models.Task{ProjectID: nobody, Title: "Lost", Status: models.StatusTodo}, name("tasks_project_id_fkey"))
		refused(t, db, &models.Task{ProjectID: office.ID, Title: "Lost", Status: models.StatusTodo, AssigneeID: &nobody}, name("tasks_assignee_id_fkey"))
		refused(t, db, &models.Comment{TaskID: nobody, Body: "Lost"}, name("comments_task_id_fkey"))
		refused(t, db, &models.Comment{TaskID: office.Tasks[0].ID, AuthorID: &nobody, Body: "Lost"}, name("comments_author_id_fkey"))
		refused(t, db, &models.Activity{ActorID: &nobody, Action: "task.created", Summary: "Lost"}, name("activity_actor_id_fkey"))
	})
}

func TestIDsAreNotUsedAgain(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, e tenantstest.Engine) {
		db := tenantstest.Migrated(t, e, models.Workspace())
		first := models.Project{Name: "First"}
		create(t, db, &first)
		if err := db.Delete(&first).Error; err != nil {
			t.Fatal(err)
		}
		second := models.Project{Name: "Second"}
		create(t, db, &second)
		if second.ID <= first.ID {
			t.Errorf("project %d was deleted, and the next one is %d", first.ID, second.ID)
		}
	})
}

// TestBadRowsAreRefused breaks one rule at a time, and keeps at its edge.
func TestBadRowsAreRefused(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, e tenantstest.Engine) {
		db := tenantstest.Migrated(t, e, models.Workspace())
		office, _ := workspace(t, db)
		user := func(email, name string, role models.Role) *models.User {
			return &models.User{Email: email, Name: name, Role: role}
		}
		task := func(title string, status models.Status) *models.Task {
			return &models.Task{ProjectID: office.ID, Title: title, Status: status}
		}
		create(t, db, user("a@b", long(200), models.RoleMember))
		create(t, db, user(long(254), "x", models.RoleMember))
		create(t, db, &models.Project{Name: long(200), Description: long(10_000)})
		create(t, db, task(long(200), models.StatusDoing))
		comment := func(body string) *models.Comment {
			return &models.Comment{TaskID: office.Tasks[0].ID, Body: body}
		}
		create(t, db, comment(long(10_000)))
		refused(t, db, comment(""), "comments_body_check")
		refused(t, db, comment(long(10_001)), "comments_body_check")
		create(t, db, &models.Activity{Action: long(63), Summary: long(500)})

		refused(t, db, user("@b", "x", models.RoleMember), "users_email_check")
		refused(t, db, user(long(255), "x", models.RoleMember), "users_email_check")
		refused(t, db, user("c@d", "", models.RoleMember), "users_name_check")
		refused(t, db, user("c@d", long(201), models.RoleMember), "users_name_check")
		refused(t, db, user("c@d", "x", "owner"), "users_role_check")
		refused(t, db, user("c@d", "x", ""), "users_role_check")
		refused(t, db, user("c@d", "x", "Admin"), "users_role_check")
		refused(t, db, &models.Project{}, "projects_name_check")
		refused(t, db, &models.Project{Name: long(201)}, "projects_name_check")
		refused(t, db, &models.Project{Name: "x", Description: long(10_001)}, "projects_description_check")
		refused(t, db, task("", models.StatusTodo), "tasks_title_check")
		refused(t, db, task(long(201), models.StatusTodo), "tasks_title_check")
		refused(t, db, task("x", "blocked"), "tasks_status_check")
		refused(t, db, task("x", ""), "tasks_status_check")
		refused(t, db, &models.Activity{Summary: "x"}, "activity_action_check")
		refused(t, db, &models.Activity{Action: long(64), Summary: "x"}, "activity_action_check")
		refused(t, db, &models.Activity{Action: "x.y"}, "activity_summary_check")
		refused(t, db, &models.Activity{Action: "x.y", Summary: long(501)}, "activity_summary_check")
	})
}

// workspace makes two projects of which the first has two tasks and the other
// one, all Ada's, who has done one thing.
func workspace(t testing.TB, db *gorm.DB) (office, garden models.Project) {
	t.Helper()
	ada := models.User{Email: "ada@example.com", Name: "Ada", Role: models.RoleAdmin}
	create(t, db, &ada)
	task := func(title string) models.Task {
		return models.Task{Title: title, Status: models.StatusTodo, AssigneeID: &ada.ID}
	}
	office = models.Project{Name: "Office", Tasks: []models.Task{task("Order chairs"), task("Order desks")}}
	garden = models.Project{Name: "Garden", Tasks: []models.Task{task("Mow")}}
	create(t, db, &office)
	create(t, db, &garden)
	create(t, db, &models.Activity{ActorID: &ada.ID, Action: "project.created", SubjectID: office.ID, Summary: "created project “Office”"})
	return office, garden
}

// refused checks that the constraint of that name, and nothing else, keeps the
// row out.
func refused(t testing.TB, db *gorm.DB, row any, constraint string) {
	t.Helper()
	err := db.Create(row).Error
	if err == nil {
		t.Errorf("%T was stored against %s", row, constraint)
	} else if !strings.Contains(err.Error(), constraint) {
		t.Errorf("%T was refused by %q, want %s", row, err, constraint)
	}
}

func count(t testing.TB, db *gorm.DB, model any, want int64, where ...any) {
	t.Helper()
	var got int64
	query := db.Model(model)
	if len(where) > 0 {
		query = query.Where(where[0], where[1:]...)
	}
	if err := query.Count(&got).Error; err != nil || got != want {
		t.Errorf("there are %d rows of %T %v, %v; want %d", got, model, where, err, want)
	}
}

// long is a text of n letters that are more than one byte each.
func long(n int) string { return strings.Repeat("ü", n) }

func create(t testing.TB, db *gorm.DB, row any) {
	t.Helper()
	if err := db.Create(row).Error; err != nil {
		t.Fatalf("create %T: %v", row, err)
	}
}
