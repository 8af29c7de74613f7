package console_test

import (
	"testing"

	"gorm.io/gorm"
)

// TestChangeServers adds, drains and removes a server. Its URL is shown nowhere.
func TestChangeServers(t *testing.T) {
	t.Parallel()
	s := small(t)
	s.post(t, "/servers", "name", "North", "url", "sqlite:/hunter2").expect(t, 422, "Name may hold only", `value="North"`, "", "hunter2")
	s.post(t, "/servers", "name", "north", "url", "sqlite:/x", "capacity", "few").expect(t, 422, "must be a whole number")
	s.post(t, "/servers", "name", "north", "url", "sqlite:/x", "labels", "eu").expect(t, 422, "must be written as")
	s.post(t, "/servers", "name", "small", "url", "postgres:/hunter2", "pooler", "pooler/x").expect(t, 422, "is of use with placement schema alone")
	s.post(t, "/servers", "name", "small", "url", "postgres:/hunter2", "placement", "schema", "pooler", "pooler/x").leads(t, "/servers")
	s.get(t, "/servers").expect(t, 200, `<span class="tag">schemas</span>`)
	s.post(t, "/servers", "name", "Small", "url", "postgres:/x", "placement", "schema", "pooler", "ada:hunter2@pooler/x").expect(t, 422, "Name may hold only", "", "hunter2")
	s.get(t, "/servers/small").expect(t, 200, "in schemas of one database", `value="pooler/x"`, `name="pooler"`, "restarted", "", "hunter2")
	s.post(t, "/servers/small/pooler", "pooler", " other/x ").leads(t, "/servers/small")
	s.get(t, "/servers/small").expect(t, 200, "<dd>other/x</dd>")
	s.post(t, "/servers/small/pooler", "pooler", "nowhere/x").expect(t, 422, `value="nowhere/x"`, "no route to host", "<dd>other/x</dd>")
	s.post(t, "/servers/small/pooler", "pooler", "ada:hunter2@pooler/x").expect(t, 422, "names a user", "", "hunter2")
	s.post(t, "/servers/small/pooler", "pooler", "").leads(t, "/servers/small")
	s.get(t, "/servers/small").expect(t, 200, `name="pooler"`, "", "other/x")
	s.post(t, "/servers/default/pooler", "pooler", "other/x").expect(t, 422, "is of use with placement schema alone")
	s.get(t, "/servers/default").expect(t, 200, "default", "", `name="pooler"`)
	s.post(t, "/servers/nowhere/pooler", "pooler", "").expect(t, 404)
	s.post(t, "/servers", "name", "north", "url", "sqlite:/hunter2", "capacity", "7", "labels", "region=eu").leads(t, "/servers")
	s.get(t, "/servers").expect(t, 200, "north", "of 7", "region=eu", `action="/servers/north/remove"`, "", "hunter2", `action="/servers/default/remove"`)
	s.post(t, "/servers", "name", "north", "url", "sqlite:/x").expect(t, 409, "there is a server with this name already")
	s.post(t, "/servers/north/drain").leads(t, "/servers")
	s.get(t, "/servers").expect(t, 200, "draining", `action="/servers/north/undrain"`)
	s.post(t, "/servers/north/undrain").leads(t, "/servers")
	s.post(t, "/servers/default/remove").expect(t, 409, "can&#39;t be removed")
	s.post(t, "/servers/north/remove").leads(t, "/servers")
	s.get(t, "/servers").expect(t, 200, "default", "", "north")
	s.post(t, "/servers/north/drain").expect(t, 404)
	s.post(t, "/servers/north/reverse").expect(t, 404)
}

// TestOpenDatabases closes a database that no scope uses, and offers that for no other.
func TestOpenDatabases(t *testing.T) {
	t.Parallel()
	s := small(t)
	acme := s.Tenant(t, "acme")
	path := "/handles/" + acme.ID + "/close"
	button := `action="` + path + `"`
	if err := s.Store.View(t.Context(), acme, func(*gorm.DB) error {
		s.get(t, "/servers").expect(t, 200, "in use", `href="/tenants/`+acme.ID+`"`, "", button)
		s.post(t, path).expect(t, 409, "in use and stays open in ", "(scopes: 1)")
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	s.get(t, "/servers?sort=idle").expect(t, 200, button, "Busiest first")
	s.get(t, "/servers?sort=name").expect(t, 422)
	for range 2 { // the second one finds it closed
		s.post(t, path).leads(t, "/servers")
		s.get(t, "/servers").expect(t, 200, "", acme.ID)
	}
}
