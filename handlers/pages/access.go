package pages

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/account"
	"tenantry/handlers/look"
	"tenantry/handlers/request"
	"tenantry/tenants/web"
)

// accessPage is a page with one form, for people who are not signed in.
type accessPage struct {
	Lead string
	Form *form
	// Email is whose password is set.
	Email string
	// Mails means that people who forgot their password are written to.
	Mails bool
}

func signInForm() *form {
	return newForm("sign-in", "/sign-in", "Sign in",
		field{Name: "email", Label: "E-mail address", Kind: "email", Autocomplete: "username", Required: true, Autofocus: true},
		field{Name: "password", Label: "Password", Kind: "password", Autocomplete: "current-password", Required: true},
		field{Name: "next", Kind: "hidden"},
	)
}

// signInPage asks for address and password.
func (s *Site) signInPage(c *gin.Context) {
	s.showSignIn(c, http.StatusOK, signInForm().values("", "", look.LocalPath(c.Query("next"))))
}

func (s *Site) showSignIn(c *gin.Context, status int, f *form) {
	s.templates.Show(c, status, "access", s.frameOf(c, "Sign in", "", accessPage{Form: f, Mails: s.accounts.Mails()}))
}

// signIn does what the API's sign-in does, and sends the browser to where it
// came from.
func (s *Site) signIn(c *gin.Context) {
	account.Unscoped(c, func(c *gin.Context) error {
		f := signInForm()
		posted, err := request.ReadForm(c, "email", "password", "next")
		if err != nil {
			return err
		}
		next := look.LocalPath(posted.Get("next"))
		f.values(strings.TrimSpace(posted.Get("email")), "", next)
		in := request.NewInput(map[string]any{"email": f.Value("email"), "password": posted.Get("password")})
		begun, err := s.accounts.Enter(c.Request.Context(), web.From(c), request.ClientAddress(c), in)
		if err != nil {
			if status, ok := f.refuse(c, err); ok {
				f.sayWhen(c, status)
				s.showSignIn(c, status, f)
				return nil
			}
			return err
		}
		s.accounts.SetCookie(c, begun)
		return look.Enter(c, next)
	})
}

// sayWhen says when to try again, where there were too many tries.
func (f *form) sayWhen(c *gin.Context, status int) {
	if status != http.StatusTooManyRequests {
		return
	}
	seconds, err := strconv.Atoi(c.Writer.Header().Get("Retry-After"))
	if err == nil {
		f.Problem = fmt.Sprintf("There were too many tries. Try again in %d minutes.", (seconds+59)/60)
	}
}

// signOut ends the session.
func (s *Site) signOut(c *gin.Context, tx *gorm.DB) error {
	if err := account.Leave(tx, account.Current(c)); err != nil {
		return err
	}
	s.accounts.ClearCookie(c)
	return look.Enter(c, "/sign-in")
}

func invitationForm() *form {
	return newForm("invitation", "/invitation", "Set the password and sign in",
		field{Name: "password", Label: "Password", Kind: "password", Autocomplete: "new-password", Required: true, Autofocus: true,
			Hint: "At least 12 characters. A few words in a row are easy to remember."},
		field{Name: "token", Kind: "hidden"},
	)
}

// invitationPage shows the page of an invitation's link. It doesn't use up the
// invitation, because mail programs open links too.
func (s *Site) invitationPage(c *gin.Context) {
	account.Unscoped(c, func(c *gin.Context) error {
		f := invitationForm().values("", c.Query("token"))
		return s.showInvitation(c, f, nil)
	}, "token")
}

// showInvitation shows the form to the invited user; err is the reason why it was
// not accepted. It shows no form if the invitation is invalid.
func (s *Site) showInvitation(c *gin.Context, f *form, err error) error {
	user, notInvited := s.accounts.Invited(c.Request.Context(), web.From(c), f.Value("token"))
	if notInvited != nil {
		err = notInvited
	}
	status, refused := f.refuse(c, err)
	if err != nil && !refused {
		return err
	}
	page := accessPage{Form: f, Email: user.Email}
	if notInvited != nil {
		page.Lead, page.Form = f.Problem, nil
	}
	if !refused {
		status = http.StatusOK
	}
	s.templates.Show(c, status, "access", s.frameOf(c, "Your invitation", "", page))
	return nil
}

// join accepts an invitation, as the API does.
func (s *Site) join(c *gin.Context) {
	account.Unscoped(c, func(c *gin.Context) error {
		f := invitationForm()
		in, err := f.read(c)
		if err != nil {
			return err
		}
		begun, err := s.accounts.Join(c.Request.Context(), web.From(c), in)
		if err != nil {
			return s.showInvitation(c, f, err)
		}
		s.accounts.SetCookie(c, begun)
		return look.Enter(c, "/")
	})
}

func forgottenForm() *form {
	return newForm("forgotten", "/password-reset", "Send a link",
		field{Name: "email", Label: "E-mail address", Kind: "email", Autocomplete: "username", Required: true, Autofocus: true})
}

// forgottenPage is for people who forgot their password.
type forgottenPage struct {
	Form *form
	Sent bool
}

// forgotten asks for an address.
func (s *Site) forgotten(c *gin.Context) {
	s.showForgotten(c, http.StatusOK, forgottenPage{Form: forgottenForm()})
}

func (s *Site) showForgotten(c *gin.Context, status int, page forgottenPage) {
	s.templates.Show(c, status, "forgotten", s.frameOf(c, "Forgotten password", "", page))
}

// resetPassword does what the API does. The answer is the same whether or not a user has the address.
func (s *Site) resetPassword(c *gin.Context) {
	account.Unscoped(c, func(c *gin.Context) error {
		f := forgottenForm()
		in, err := f.read(c)
		if err != nil {
			return err
		}
		err = s.accounts.Forgotten(c.Request.Context(), web.From(c), request.ClientAddress(c), in)
		status, refused := f.refuse(c, err)
		switch {
		case refused:
			f.sayWhen(c, status)
			s.showForgotten(c, status, forgottenPage{Form: f})
			return nil
		case err == nil:
			s.showForgotten(c, http.StatusOK, forgottenPage{Sent: true})
		}
		return err
	})
}

func passwordForm() *form {
	return newForm("password", "/account/password", "Change the password",
		field{Name: "current_password", Label: "Current password", Kind: "password", Autocomplete: "current-password", Required: true, Autofocus: true},
		field{Name: "new_password", Label: "New password", Kind: "password", Autocomplete: "new-password", Required: true,
			Hint: "At least 12 characters. A few words in a row are easy to remember."},
	)
}

// passwordPage asks for the old password and a new one.
func (s *Site) passwordPage(c *gin.Context, _ *gorm.DB) error {
	s.showPassword(c, http.StatusOK, passwordForm())
	return nil
}

func (s *Site) showPassword(c *gin.Context, status int, f *form) {
	s.templates.Show(c, status, "password", s.frameOf(c, "Change your password", "/account", f))
}

// updatePassword does what the API does.
func (s *Site) updatePassword(c *gin.Context) {
	account.Unscoped(c, func(c *gin.Context) error {
		if err := s.accounts.Identify(c); err != nil {
			return err
		}
		f := passwordForm()
		in, err := f.read(c)
		if err != nil {
			return err
		}
		err = s.accounts.ChangePassword(c.Request.Context(), web.From(c), request.ClientAddress(c), account.Current(c), in)
		if err != nil {
			if status, ok := f.refuse(c, err); ok {
				f.sayWhen(c, status)
				s.showPassword(c, status, f)
				return nil
			}
			return err
		}
		return look.SeeOther(c, "/account?done=password")
	})
}
