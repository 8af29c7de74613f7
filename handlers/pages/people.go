package pages

import (
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers"
	"tenantry/handlers/account"
	"tenantry/handlers/look"
	"tenantry/handlers/request"
	"tenantry/models"
	"tenantry/tenants/web"
)

// peoplePage lists the tenant's users.
type peoplePage struct {
	People []personRow
	Next   string
	// Invite is for admins, nil for members.
	Invite *form
	// Invitation has just been made; its link is shown this once.
	Invitation *invitationView
	Problem    string
	// Refused is the form of a person's row that was not accepted, nil for none.
	Refused *form
}

// personRow is a person with what an admin can do about them.
type personRow struct {
	*person
	Joined bool // has set a password
	You    bool
	Role   *form
	Again  *form // makes a new invitation
}

// invitationView is an invitation as it is shown, once.
type invitationView struct{ Name, Email, URL, Until string }

func inviteForm() *form {
	return newForm("invite", "/people", "Invite",
		field{Name: "name", Label: "Name", Required: true, Autocomplete: "off"},
		field{Name: "email", Label: "E-mail address", Kind: "email", Required: true, Autocomplete: "off"},
		field{Name: "role", Label: "Role", Kind: "select", Options: roles(), Value: string(models.RoleMember)},
		passwordField("Your own password", true),
	)
}

func roleForm(id int64) *form {
	text := strconv.FormatInt(id, 10)
	return newForm("role-"+text, "/people/"+text, "Change",
		field{Name: "role", Label: "Role", Kind: "select", Options: roles()}, passwordField("Your own password", true))
}

func againForm(id int64) *form {
	text := strconv.FormatInt(id, 10)
	return newForm("again-"+text, "/people/"+text+"/invitation", "New invitation link", passwordField("Your own password", true))
}

// people lists the tenant's users.
func (s *Site) people(c *gin.Context, tx *gorm.DB) error {
	return s.showPeople(c, tx, http.StatusOK, peoplePage{Invite: inviteForm()})
}

func (s *Site) showPeople(c *gin.Context, tx *gorm.DB, status int, page peoplePage) error {
	found, err := handlers.FindUsers(tx, request.ReadQuery(c))
	if err != nil {
		return err
	}
	you := account.Current(c)
	for _, user := range found.Rows {
		row := personRow{person: personOf(user), Joined: user.PasswordHash != nil, You: user.ID == you.UserID}
		row.Role = page.orRefused(roleForm(user.ID).values(string(user.Role)))
		row.Again = page.orRefused(againForm(user.ID))
		page.People = append(page.People, row)
	}
	if found.Next != nil {
		page.Next = "/people?after=" + *found.Next
	}
	s.templates.Show(c, status, "people", s.frameOf(c, "People", "/people", page))
	return nil
}

// orRefused is the form that was refused where it is the same one.
func (p peoplePage) orRefused(f *form) *form {
	if p.Refused != nil && p.Refused.ID == f.ID {
		return p.Refused
	}
	return f
}

// invite adds a user and shows the link with which they set a password.
func (s *Site) invite(c *gin.Context, tx *gorm.DB) error {
	f := inviteForm()
	in, err := f.read(c)
	if err != nil {
		return err
	}
	page := peoplePage{Invite: f}
	return s.showInvited(c, tx, f, page, func(tx *gorm.DB) (account.Invitation, error) {
		return s.accounts.AddUser(tx, web.From(c), account.Current(c), in)
	})
}

// inviteAgain creates another link for a user who lost the first one, or forgot
// their password.
func (s *Site) inviteAgain(c *gin.Context, tx *gorm.DB) error {
	id := request.PathID(c)
	f := againForm(id)
	in, err := f.read(c)
	if err != nil {
		return err
	}
	page := peoplePage{Invite: inviteForm(), Refused: f}
	return s.showInvited(c, tx, f, page, func(tx *gorm.DB) (account.Invitation, error) {
		return s.accounts.Invite(tx, web.From(c), account.Current(c), id, in)
	})
}

// showInvited shows the link in the answer itself: it can't be read again. Where
// the form is refused it shows the page instead.
func (s *Site) showInvited(c *gin.Context, tx *gorm.DB, f *form, page peoplePage, make func(tx *gorm.DB) (account.Invitation, error)) error {
	made, err := attempt(tx, make)
	if status, ok := f.refuse(c, err); ok {
		return s.showPeople(c, tx, status, page)
	}
	if err != nil {
		return err
	}
	shown := &invitationView{made.User.Name, made.User.Email, made.URL, made.ExpiresAt.UTC().Format("2 Jan 2006, 15:04") + " UTC"}
	return s.showPeople(c, tx, http.StatusCreated, peoplePage{Invite: inviteForm(), Invitation: shown})
}

// updateRole makes an admin of a member, or a member of an admin.
func (s *Site) updateRole(c *gin.Context, tx *gorm.DB) error {
	id := request.PathID(c)
	f := roleForm(id)
	in, err := f.read(c)
	if err != nil {
		return err
	}
	return s.changePeople(c, tx, f, func(tx *gorm.DB) (models.User, error) {
		return handlers.ChangeUser(tx, account.Current(c), id, in)
	})
}

// deletePerson removes a user.
func (s *Site) deletePerson(c *gin.Context, tx *gorm.DB) error {
	return s.changePeople(c, tx, newForm("", "", ""), func(tx *gorm.DB) (models.User, error) {
		return handlers.RemoveUser(tx, account.Current(c), request.PathID(c))
	})
}

func (s *Site) changePeople(c *gin.Context, tx *gorm.DB, f *form, change func(tx *gorm.DB) (models.User, error)) error {
	_, err := attempt(tx, change)
	if status, ok := f.refuse(c, err); ok {
		page := peoplePage{Invite: inviteForm(), Refused: f}
		if f.ID == "" { // it isn't shown
			page.Problem = f.Problem
		}
		return s.showPeople(c, tx, status, page)
	}
	if err != nil {
		return err
	}
	return look.SeeOther(c, "/people")
}
