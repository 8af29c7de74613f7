package pages

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers"
	"tenantry/handlers/account"
	"tenantry/handlers/look"
	"tenantry/handlers/request"
	"tenantry/models"
	"tenantry/tenants/web"
)

// accountPage shows the current user's account.
type accountPage struct {
	Profile  *form
	Sessions []credentialRow
	Next     string
	// Done says what has just been done.
	Done string
	// Mail is which mail the user wants, or nil.
	Mail *form
	// Admin means that the user can export all data.
	Admin bool
}

// tokensPage shows the current user's API tokens.
type tokensPage struct {
	New    *form
	Tokens []credentialRow
	Next   string
	// Made has just been made; its text is shown this once.
	Made, Text string
	Host       string
}

// credentialRow is a session or an API token.
type credentialRow struct {
	ID                    int64
	Name                  string
	Created, Used, Expire string
	Current               bool
}

func credentialRows(rows []models.Credential, current int64) []credentialRow {
	const layout = "2 Jan 2006, 15:04"
	shown := make([]credentialRow, 0, len(rows))
	for _, row := range rows {
		r := credentialRow{ID: row.ID, Name: row.Name, Current: row.ID == current, Used: "not yet",
			Created: row.CreatedAt.UTC().Format(layout), Expire: row.ExpiresAt.UTC().Format(layout)}
		if row.LastUsedAt != nil {
			r.Used = row.LastUsedAt.UTC().Truncate(time.Minute).Format(layout)
		}
		shown = append(shown, r)
	}
	return shown
}

func profileForm() *form {
	return newForm("profile", "/account", "Save",
		field{Name: "name", Label: "Name", Required: true, Autocomplete: "name"},
		field{Name: "email", Label: "E-mail address", Kind: "email", Required: true, Autocomplete: "email",
			Hint: "You sign in with it. When you change it, your other sessions end."},
		passwordField("Your password, when you change the address", false),
	)
}

// account shows the current user's name, address and sessions.
func (s *Site) account(c *gin.Context, tx *gorm.DB) error {
	who := account.Current(c)
	return s.showAccount(c, tx, http.StatusOK, profileForm().values(who.Name, who.Email))
}

func (s *Site) showAccount(c *gin.Context, tx *gorm.DB, status int, f *form) error {
	who := account.Current(c)
	found, err := s.accounts.FindCredentials(tx, who, models.KindSession, request.ReadQuery(c))
	if err != nil {
		return err
	}
	page := accountPage{Admin: who.IsAdmin(), Profile: f, Sessions: credentialRows(found.Rows, who.CredentialID)}
	if found.Next != nil {
		page.Next = "/account?after=" + *found.Next
	}
	switch c.Query("done") {
	case "password":
		page.Done = "Your password is changed. Your other sessions and your API tokens have ended."
	case "profile":
		page.Done = "Saved."
	}
	if s.taskMail {
		wanted, err := handlers.WantsMail(tx, who)
		if err != nil {
			return err
		}
		page.Mail = mailForm().values(map[bool]string{true: "yes", false: "no"}[wanted])
	}
	s.templates.Show(c, status, "account", s.frameOf(c, "Your account", "/account", page))
	return nil
}

// updateAccount changes the current user's name or address.
func (s *Site) updateAccount(c *gin.Context, tx *gorm.DB) error {
	f := profileForm()
	in, err := f.read(c)
	if err != nil {
		return err
	}
	who := account.Current(c)
	_, err = attempt(tx, func(tx *gorm.DB) (models.User, error) { return handlers.ChangeUser(tx, who, who.UserID, in) })
	if status, ok := f.refuse(c, err); ok {
		return s.showAccount(c, tx, status, f)
	}
	if err != nil {
		return err
	}
	return look.SeeOther(c, "/account?done=profile")
}

func mailForm() *form {
	return newForm("mail", "/account/mail", "Save",
		field{Name: "tasks", Label: "When tasks are assigned to you, and the day before they are due", Kind: "select",
			Options: []option{{Value: "yes", Label: "Write to me"}, {Value: "no", Label: "No mail"}}})
}

// updateMail changes which mail the current user wants.
func (s *Site) updateMail(c *gin.Context, tx *gorm.DB) error {
	f := mailForm()
	if err := f.Read(c); err != nil {
		return err
	}
	if err := handlers.WantMail(tx, account.Current(c), f.Value("tasks") != "no"); err != nil {
		return err
	}
	return look.SeeOther(c, "/account?done=profile")
}

// deleteSession ends one of the current user's sessions.
func (s *Site) deleteSession(c *gin.Context, tx *gorm.DB) error {
	if err := account.RemoveSession(tx, account.Current(c), request.PathID(c)); err != nil {
		return err
	}
	return look.SeeOther(c, "/account")
}

func tokenForm() *form {
	return newForm("token", "/account/tokens", "Create token",
		field{Name: "name", Label: "Name", Required: true, Autocomplete: "off", Hint: "What it is for, such as “backup script”."},
		field{Name: "expires_in_days", Label: "Valid for", Kind: "select", Value: "90", Number: true,
			Options: []option{{Value: "7", Label: "7 days"}, {Value: "30", Label: "30 days"}, {Value: "90", Label: "90 days"}, {Value: "365", Label: "a year"}}},
		passwordField("Your password", true),
	)
}

// tokens shows the current user's API tokens.
func (s *Site) tokens(c *gin.Context, tx *gorm.DB) error {
	return s.showTokens(c, tx, http.StatusOK, tokensPage{New: tokenForm()})
}

func (s *Site) showTokens(c *gin.Context, tx *gorm.DB, status int, page tokensPage) error {
	found, err := s.accounts.FindCredentials(tx, account.Current(c), models.KindToken, request.ReadQuery(c))
	if err != nil {
		return err
	}
	page.Tokens = credentialRows(found.Rows, 0)
	if found.Next != nil {
		page.Next = "/account/tokens?after=" + *found.Next
	}
	page.Host = s.accounts.Origin(web.From(c).Address())
	s.templates.Show(c, status, "tokens", s.frameOf(c, "API tokens", "/account", page))
	return nil
}

// createToken makes a token and shows it in the answer itself: it can't be read
// again.
func (s *Site) createToken(c *gin.Context, tx *gorm.DB) error {
	f := tokenForm()
	in, err := f.read(c)
	if err != nil {
		return err
	}
	made, err := attempt(tx, func(tx *gorm.DB) (account.Token, error) {
		return s.accounts.AddToken(tx, web.From(c), account.Current(c), in)
	})
	if status, ok := f.refuse(c, err); ok {
		return s.showTokens(c, tx, status, tokensPage{New: f})
	}
	if err != nil {
		return err
	}
	return s.showTokens(c, tx, http.StatusCreated, tokensPage{New: tokenForm(), Made: made.Name, Text: made.Text})
}

// deleteToken ends one of the current user's tokens.
func (s *Site) deleteToken(c *gin.Context, tx *gorm.DB) error {
	if err := account.RemoveToken(tx, account.Current(c), request.PathID(c)); err != nil {
		return err
	}
	return look.SeeOther(c, "/account/tokens")
}

// exportAll sends all data of the tenant as one file, without credentials, to an admin.
func (s *Site) exportAll(c *gin.Context) error {
	who, err := s.accounts.BeginExport(c)
	if err != nil {
		return err
	}
	t := web.From(c)
	d, err := s.export(c.Request.Context(), t, who)
	if err != nil {
		return err
	}
	return request.SendDownload(c, t.Subdomain, d)
}
