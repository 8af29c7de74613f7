package pages

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"
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
	// Visit is that of an operator who is here as the user, or nil.
	Visit *visit
	Body  any
}

// place is a tenant, as people tell it from others.
type place struct {
	Name, Initial string
	// Hue is the class of its colour, and Language that of its pages.
	Hue, Language string
}

// Appearance is how a tenant's pages look.
type Appearance struct {
	// Language is that of dates: de, es or fr. Defaults to en.
	Language string
	// Colour is one of Colours. Defaults to auto, a colour that follows from the tenant's id.
	Colour string
	// Zone is the time zone of what the pages show. Defaults to UTC.
	Zone *time.Location
}

// Colours returns the names of the colours; style.css has a class for each, in this order. All have the same contrast.
func Colours() []string {
	return []string{"blue", "orange", "green", "purple", "amber", "cyan", "pink", "lime", "sky", "olive", "teal", "magenta"}
}

// placeOf shows a tenant. A colour that isn't set follows from the id, so that it stays when
// the tenant is renamed.
func placeOf(t *tenants.Tenant, look Appearance) *place {
	name, hash := cmp.Or(t.Name, t.Subdomain), fnv.New32a()
	_, _ = hash.Write([]byte(t.ID)) // a hash takes everything
	hue := slices.Index(Colours(), look.Colour)
	if hue < 0 {
		hue = int(hash.Sum32() % uint32(len(Colours())))
	}
	return &place{Name: name, Initial: initials(name, 1), Hue: fmt.Sprintf("hue-%d", hue), Language: look.Language}
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
	s.templates.Show(c, status, template, s.frameOf(c, title, path, body))
}

// frameOf is the frame of a request.
func (s *Site) frameOf(c *gin.Context, title, here string, body any) frame {
	f := frame{Title: title, Here: here, Body: body}
	if t, ok := web.Resolved(c); ok {
		f.Tenant = placeOf(t, s.appearance(t))
	}
	if who, ok := account.Known(c); ok {
		f.User = personOf(who.User())
	}
	f.Visit = s.visitOn(c)
	return f
}
