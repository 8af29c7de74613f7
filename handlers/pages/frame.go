package pages

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"strings"
	"unicode"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/account"
	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/web"
)

// frame is the data of a page and what surrounds it.
type frame struct {
	Title string
	// Here is the path of the part of the workspace that the page belongs to.
	Here string
	// Tenant is the tenant of the page, or nil.
	Tenant *place
	// User is the user who is signed in, or nil.
	User *person
	Body any
}

// place is a tenant, as people tell it from others.
type place struct {
	Name, Initial string
	// Hue is the class of its colour.
	Hue string
}

// hues is the number of colours; style.css has a class for each.
const hues = 12

// placeOf shows a tenant. The colour follows from the id, so that it stays when
// the tenant is renamed.
func placeOf(t *tenants.Tenant) *place {
	name, hash := cmp.Or(t.Name, t.Subdomain), fnv.New32a()
	_, _ = hash.Write([]byte(t.ID)) // a hash takes everything
	return &place{Name: name, Initial: initials(name, 1), Hue: fmt.Sprintf("hue-%d", hash.Sum32()%hues)}
}

// person is a user, as others see them.
type person struct {
	ID                    int64
	Name, Email, Initials string
	Admin                 bool
}

func personOf(u models.User) *person {
	return &person{ID: u.ID, Name: u.Name, Email: u.Email, Initials: initials(u.Name, 2), Admin: u.Role == models.RoleAdmin}
}

// initials are the first letters of at most so many words.
func initials(name string, most int) string {
	var letters []rune
	for _, word := range strings.Fields(name) {
		if first := []rune(word)[0]; unicode.IsLetter(first) || unicode.IsDigit(first) {
			letters = append(letters, unicode.ToUpper(first))
		}
	}
	if len(letters) > most { // the first and the last ones
		letters = append(letters[:1], letters[len(letters)-most+1:]...)
	}
	return cmp.Or(string(letters), "·")
}

// Link is an entry of the navigation.
type Link struct{ Path, Label string }

// Show answers with the page of a template, in the frame of the workspace. path is
// the entry of the navigation that the page belongs to.
func (s *Site) Show(c *gin.Context, status int, template, title, path string, body any) {
	s.templates.Show(c, status, template, frameOf(c, title, path, body))
}

// frameOf is the frame of a request.
func frameOf(c *gin.Context, title, here string, body any) frame {
	f := frame{Title: title, Here: here, Body: body}
	if t, ok := web.Resolved(c); ok {
		f.Tenant = placeOf(t)
	}
	if who, ok := account.Known(c); ok {
		f.User = personOf(who.User())
	}
	return f
}
