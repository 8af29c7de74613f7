package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"tenantry/app/apptest"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest"

	"example.com/addressbook/models"
)

// TestSchema compares the migrations with the models, and applies and takes back each
// of them on tables with rows.
func TestSchema(t *testing.T) {
	t.Parallel()
	tenantstest.CheckSchema(t, models.Schema(), tenantstest.SchemaOptions{})
}

func TestContacts(t *testing.T) {
	t.Parallel()
	apptest.Each(t, options(), func(t *testing.T, a *apptest.App) {
		a.Expect(t, "POST", "/api/contacts", `{"name":"Grace","phone":"+1 555 0100"}`, 201, `"name":"Grace"`, `"author_id":1`)
		values := map[string]json.RawMessage{"country_code": json.RawMessage(`"+49"`)}
		if _, err := a.Manager().SetSettings(t.Context(), "ada", apptest.Subdomain, values); err != nil {
			t.Fatal(err)
		}
		a.Expect(t, "POST", "/api/contacts", `{"name":"Konrad","phone":"30 555"}`, 201, `"phone":"+49 30 555"`)
		a.Expect(t, "POST", "/api/contacts", `{"name":" "}`, 422, `"field":"name"`, `"field":"phone"`)
		a.Expect(t, "GET", "/api/contacts?limit=1", "", 200, `"phone":"+1 555 0100"`, `"next":"`)
		a.Expect(t, "GET", "/api/contacts?after=x", "", 422, `"field":"after"`)
		a.Expect(t, "GET", "/api/contacts/3", "", 404)
		a.Expect(t, "GET", "/", "", 200, "<h1>Contacts</h1>", "Grace", "added by ada")
		a.Expect(t, "GET", "/activity", "", 200, "created contact “Grace”")
		var veto *lifecycle.VetoError
		if _, err := a.Manager().Archive(t.Context(), "ada", apptest.Subdomain); !errors.As(err, &veto) {
			t.Errorf("archived in use: %v", err)
		}
	})
}

// TestContactsOfOthers: a member of another tenant sees its contacts and none of the first.
func TestContactsOfOthers(t *testing.T) {
	t.Parallel()
	apptest.Each(t, options(), func(t *testing.T, a *apptest.App) {
		a.Expect(t, "POST", "/api/contacts", `{"name":"Grace","phone":"+1 555 0100"}`, 201)
		a.Load(t, "globex", os.DirFS("testdata"))
		reply, err := a.Client(t, "globex", "konrad@globex.example").Get("/api/contacts")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(reply.Body)
		if err != nil || !strings.Contains(string(text), "Barbara") || strings.Contains(string(text), "Grace") {
			t.Errorf("%d %s, %v", reply.StatusCode, text, err)
		}
	})
}

// TestTwins: a job records that a new contact has another's telephone.
func TestTwins(t *testing.T) {
	t.Parallel()
	apptest.Each(t, options(), func(t *testing.T, a *apptest.App) {
		for _, name := range []string{"Grace", "Ida", "Grace Hopper"} {
			a.Expect(t, "POST", "/api/contacts", `{"name":"`+name+`","phone":"+1 555 0100 `+name[:1]+`"}`, 201)
		}
		a.Drain(t, apptest.Subdomain)
		a.Expect(t, "GET", "/activity", "", 200, "found “Grace” and “Grace Hopper” at the same telephone")
	})
}

func TestPictures(t *testing.T) {
	t.Parallel()
	apptest.Each(t, options(), func(t *testing.T, a *apptest.App) {
		a.Expect(t, "PUT", "/api/contacts/1/picture?name=a.png", "first", 404)
		a.Expect(t, "POST", "/api/contacts", `{"name":"Grace","phone":"+1 555 0100"}`, 201)
		a.Expect(t, "GET", "/api/contacts/1/picture", "", 404)
		for _, content := range []string{"first", "second"} {
			a.Expect(t, "PUT", "/api/contacts/1/picture?name=a.png", content, 204)
			a.Expect(t, "GET", "/api/contacts/1/picture", "", 200, content)
		}
	})
}
