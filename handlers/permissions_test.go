package handlers_test

import (
	"fmt"
	"sync"
	"testing"

	"gorm.io/gorm"

	"tenantry/models"
	"tenantry/tenants/tenantstest"
)

func TestMembers(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.create(t, "/api/users", `{"email":"ada@acme.test","name":"Ada"}`)
		a.create(t, "/api/tokens", `{"name":"admin's"}`)
		tokens := a.dump(t).Creds
		adminsToken := tokens[len(tokens)-1].ID
		a.admin = a.member // who sends from here on
		for _, s := range []scenario{
			{method: "POST", path: "/api/users", body: `{"email":"eve@acme.test","name":"Eve"}`},
			{method: "POST", path: "/api/users", body: `{`},
			{method: "PATCH", path: "/api/users/1", body: `{"name":"Eve"}`},
			{method: "DELETE", path: "/api/users/1"},
			{method: "DELETE", path: "/api/users/99"},
			{method: "POST", path: "/api/users/1/invitation"},
			{method: "GET", path: "/api/tokens?user_id=-1"},
			{method: "GET", path: "/api/tokens?user_id=all"},
		} {
			s.status, s.contains = 403, []string{"problem:forbidden"}
			s.run(t, a)
		}
		runAll(t, a, []scenario{
			{method: "DELETE", path: fmt.Sprintf("/api/tokens/%d", adminsToken), status: 404},
			{method: "GET", path: "/api/users", status: 200},
			{method: "GET", path: "/api/users/1", status: 200},
			{method: "GET", path: "/api/activity", status: 200},
			{method: "POST", path: "/api/projects", body: `{"name":"Office"}`, status: 201},
			{method: "PATCH", path: "/api/projects/1", body: `{"name":"Bureau"}`, status: 200},
			{method: "POST", path: "/api/projects/1/tasks", body: `{"title":"Order chairs"}`, status: 201},
			importCSV("import", "title\nx\n", 201),
			{method: "DELETE", path: "/api/tasks/1", status: 204},
			{name: "a project is deleted by admins", method: "DELETE", path: "/api/projects/1", status: 403},
			{name: "members archive it", method: "PATCH", path: "/api/projects/1", body: `{"archived":true}`, status: 200},
			{method: "POST", path: "/api/tokens", body: `{"name":"mine"}`, status: 201},
		})
	})
}

func TestPeopleChangeThemselves(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		session := a.seedUser(t, models.User{Email: "ada@acme.test", Name: "Ada", Role: models.RoleMember})
		other := a.signIn(t, "ada@acme.test", password)
		runAll(t, a, []scenario{
			{method: "PATCH", path: "/api/users/1", body: `{"name":"Ada L.","role":"member"}`, header: bearer(session), status: 200, contains: []string{`"Ada L."`}},
			{method: "PATCH", path: "/api/users/1", body: `{"name":"Ada","role":"admin"}`, header: bearer(session), status: 403, contains: []string{"problem:forbidden"}},
			{name: "the other session goes on", method: "GET", path: "/api/me", header: bearer(other.Token), status: 200},
			{method: "PATCH", path: "/api/users/1", body: `{"email":"ada@globex.test"}`, header: bearer(session), status: 200},
			{name: "this session goes on", method: "GET", path: "/api/me", header: bearer(session), status: 200, contains: []string{"ada@globex.test"}},
			refused("the other session", bearer(other.Token)...),
			{method: "PATCH", path: "/api/users/1", body: `{"role":"admin"}`, status: 200},
			refused("another role", bearer(session)...),
		})
		again := a.signIn(t, "ada@globex.test", password)
		runAll(t, a, []scenario{
			{name: "as an admin", method: "PATCH", path: "/api/users/1", body: `{"role":"member"}`, header: bearer(again.Token), status: 200},
			{name: "no longer", method: "GET", path: "/api/tokens?user_id=all", header: bearer(again.Token), status: 403},
			{method: "DELETE", path: "/api/users/1", status: 204},
			refused("deleted", bearer(again.Token)...),
		})
	})
}

func TestTheLastAdminStays(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		session := a.seedUser(t, models.User{Email: "ada@acme.test", Name: "Ada", Role: models.RoleAdmin})
		a.update(t, func(tx *gorm.DB) error {
			return tx.Where("id = ?", adminID).Delete(&models.User{}).Error
		})
		a.admin = session
		last := []string{"problem:conflict", "last admin"}
		runAll(t, a, []scenario{
			{method: "DELETE", path: "/api/users/1", status: 409, contains: last},
			{method: "PATCH", path: "/api/users/1", body: `{"role":"member"}`, status: 409, contains: last},
			{method: "PATCH", path: "/api/users/1", body: `{"role":"admin","name":"Ada L."}`, status: 200},
		})
		a.create(t, "/api/users", `{"email":"bob@acme.test","name":"Bob","role":"admin"}`)
		a.must(t, 204, "DELETE", "/api/users/1", "")
	})
}

// TestAdminsWaitForEachOther demotes an admin while another's demotion is under
// way. On SQLite whole scopes wait.
func TestAdminsWaitForEachOther(t *testing.T) {
	t.Parallel()
	for method, body := range map[string]string{"PATCH": `{"role":"member"}`, "DELETE": ""} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			env := tenantstest.New(t, tenantstest.Options{Schema: models.Workspace(), Engine: tenantstest.Postgres})
			a := newAPI(t, env.Store, env.Tenant(t, "acme"))
			session := a.seedUser(t, models.User{Email: "ada@acme.test", Name: "Ada", Role: models.RoleAdmin})
			answered := make(chan int, 1)
			a.update(t, func(tx *gorm.DB) error {
				if err := tx.Model(&models.User{ID: adminID}).Update("role", models.RoleMember).Error; err != nil {
					return err
				}
				go func() { answered <- a.send(t, method, "/api/users/1", body, bearer(session)...).Code }()
				return untilAwaited(tx, answered)
			})
			if got := <-answered; got != 409 {
				t.Errorf("status %d", got)
			}
		})
	}
}

// untilAwaited returns when another transaction waits for tx, or the request has
// its answer without.
func untilAwaited(tx *gorm.DB, answered chan int) error {
	for len(answered) == 0 {
		var waiting int
		err := tx.Raw("SELECT count(*) FROM pg_locks WHERE NOT granted AND transactionid = pg_current_xact_id()::xid").Scan(&waiting).Error
		if err != nil || waiting > 0 {
			return err
		}
	}
	return nil
}

// TestWhoWasAnAdminIsLockedInTurn plays a request begun while user 1 was an
// admin: it holds that user, and wants the next one, when another request has
// come that changes user 1.
func TestWhoWasAnAdminIsLockedInTurn(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{Schema: models.Workspace(), Engine: tenantstest.Postgres})
	a := newAPI(t, env.Store, env.Tenant(t, "acme"))
	a.seedUser(t, models.User{Email: "was@acme.test", Name: "x", Role: models.RoleMember})
	session := a.seedUser(t, models.User{Email: "ada@acme.test", Name: "Ada", Role: models.RoleAdmin})
	a.update(t, func(tx *gorm.DB) error { return tx.Where("id = ?", adminID).Delete(&models.User{}).Error })
	answered := make(chan int, 1)
	a.update(t, func(tx *gorm.DB) error {
		if err := tx.Model(&models.User{ID: 1}).Update("name", "y").Error; err != nil {
			return err
		}
		go func() { answered <- a.send(t, "PATCH", "/api/users/1", `{"role":"admin"}`, bearer(session)...).Code }()
		if err := untilAwaited(tx, answered); err != nil {
			return err
		}
		return tx.Model(&models.User{ID: 2}).Update("name", "z").Error
	})
	if got := <-answered; got != 200 {
		t.Errorf("status %d", got)
	}
}

// TestAdminsDoNotRemoveEachOther has four admins demote and delete each other
// at the same time: one is left.
func TestAdminsDoNotRemoveEachOther(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		sessions := map[int]string{}
		for id := 1; id <= 4; id++ {
			sessions[id] = a.seedUser(t, models.User{Email: fmt.Sprintf("u%d@acme.test", id), Name: "x", Role: models.RoleAdmin})
		}
		a.update(t, func(tx *gorm.DB) error {
			return tx.Where("id = ?", adminID).Delete(&models.User{}).Error
		})
		var all sync.WaitGroup
		for id := 1; id <= 4; id++ {
			for by := 1; by <= 4; by++ {
				all.Go(func() {
					method, body := "DELETE", ""
					if (id+by)%2 == 0 {
						method, body = "PATCH", `{"role":"member"}`
					}
					reply := a.send(t, method, fmt.Sprintf("/api/users/%d", id), body, bearer(sessions[by])...)
					switch reply.Code {
					case 200, 204, 401, 403, 404, 409:
					default:
						t.Errorf("status %d: %s", reply.Code, reply.Body)
					}
				})
			}
		}
		all.Wait()
		admins := 0
		for _, user := range a.dump(t).Users {
			if user.Role == models.RoleAdmin {
				admins++
			}
		}
		if admins != 1 {
			t.Errorf("%d admins are left", admins)
		}
	})
}
