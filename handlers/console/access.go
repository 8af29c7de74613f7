package console

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/look"
	"tenantry/handlers/operator"
	"tenantry/handlers/problem"
	"tenantry/handlers/request"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/operators"
)

// errSignedOut means that a form was sent without a session.
var errSignedOut = problem.New(problem.ErrUnauthenticated, "You were signed out meanwhile, and nothing was done.")

// Guard accepts requests that have a session. It redirects browsers to the sign-in
// and from there back, unless they send a form: then an error says that nothing was
// done. Programs get a 401.
func (s *Console) Guard() gin.HandlerFunc {
	return func(c *gin.Context) {
		one, ok := s.current(c)
		who, err := s.standing(c, one, ok)
		switch {
		case err == nil:
			if operator.Let(c, who) {
				c.Set(sessionKey{}, one)
			}
			return
		case !errors.Is(err, operators.ErrNoToken):
			problem.Fail(c, err)
			return
		}
		c.Abort()
		if !problem.WantsPage(c.Request) {
			operator.AskForToken(c)
			return
		}
		if !look.Posts(c) && !look.IsHTMX(c) {
			path := "/sign-in"
			if next := c.Request.URL.RequestURI(); next != "/" {
				path += "?next=" + url.QueryEscape(next)
			}
			c.Redirect(http.StatusSeeOther, path)
			return
		}
		p := describe(c, errSignedOut)
		c.Writer.Header().Del("WWW-Authenticate")
		s.showError(c, p)
	}
}

// OrGuard applies Guard to clients that ask for a page, and the other guard to
// programs.
func (s *Console) OrGuard(other gin.HandlerFunc) gin.HandlerFunc {
	guard := s.Guard()
	return func(c *gin.Context) {
		if problem.WantsPage(c.Request) {
			guard(c)
			return
		}
		other(c)
	}
}

func signInForm() look.Form {
	return look.NewForm("sign-in", "/sign-in", "Sign in",
		look.Field{Name: "token", Label: "Token", Kind: "password", Autocomplete: "current-password",
			Required: true, Autofocus: true,
			Hint: "That of your account, or the value of TENANTRY_OPERATOR_TOKEN, or the content of the file operator.token in the data folder."},
		look.Field{Name: "name", Label: "Your name", Autocomplete: "username",
			Hint: "It is recorded with each operation that you start. An account has its own."},
		look.Field{Name: "next", Kind: "hidden"},
	)
}

// signInPage asks for the token.
func (s *Console) signInPage(c *gin.Context) {
	f := signInForm()
	f.Set("", "", look.LocalPath(c.Query("next")))
	s.showSignIn(c, http.StatusOK, f)
}

func (s *Console) showSignIn(c *gin.Context, status int, f look.Form) {
	s.show(c, status, "access", "Sign in", "", &f)
}

// signIn begins a session if the token is correct.
func (s *Console) signIn(c *gin.Context) error {
	f := signInForm()
	if err := f.Read(c); err != nil {
		return err
	}
	token := strings.TrimSpace(f.Value("token"))
	f.Set("", f.Value("name"), look.LocalPath(f.Value("next")))
	by, err := operator.ParseName("operator")
	if name := strings.TrimSpace(f.Value("name")); name != "" {
		by, err = operator.ParseName(name)
	}
	who, failure := s.o.Doors.Identify(c.Request.Context(), token)
	if who.Name != "" {
		by, err = lifecycle.Operator(who.Name), nil
	}
	switch {
	case errors.Is(failure, operators.ErrNoToken):
		s.refuseToken(c, f)
		return nil
	case failure != nil:
		return failure
	case err != nil:
		f.Fields[1].Fault = "Your name must be " + err.Error() + "."
		s.showSignIn(c, http.StatusUnprocessableEntity, f)
		return nil
	}
	s.setCookie(c, s.sessions.begin(by, who))
	return look.Enter(c, f.Value("next"))
}

// refuseToken counts the try, and says so if there were too many. It counts wrong
// tokens only: the correct one is always accepted.
func (s *Console) refuseToken(c *gin.Context, f look.Form) {
	wait := s.tries.count(request.Network(request.ClientAddress(c)))
	if wait == 0 {
		f.Fields[0].Fault = "This is no operator’s token."
		s.showSignIn(c, http.StatusUnauthorized, f)
		return
	}
	c.Header("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	f.Problem = fmt.Sprintf("This is no operator’s token, and there were too many tries. Try again in %d minutes.", int(math.Ceil(wait.Minutes())))
	s.showSignIn(c, http.StatusTooManyRequests, f)
}

// signOut ends the session of the request.
func (s *Console) signOut(c *gin.Context) {
	for _, cookie := range s.secrets(c) {
		s.sessions.end(cookie.Value)
	}
	s.setCookie(c, "")
	c.Redirect(http.StatusSeeOther, "/sign-in")
}
