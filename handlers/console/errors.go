package console

import (
	"github.com/gin-gonic/gin"

	"tenantry/handlers/look"
	"tenantry/handlers/operator"
	"tenantry/handlers/problem"
	"tenantry/tenants/web"
)

// Errors returns a handler that answers errors with pages if the client asks for
// pages.
func (s *Console) Errors() gin.HandlerFunc {
	return func(c *gin.Context) { problem.SetPage(c, s.showError) }
}

// fail ends the request with a page about the error, even if the client prefers
// JSON. problem.Middleware logs failures of this program.
func (s *Console) fail(c *gin.Context, err error) {
	problem.Fail(c, operator.Explain(err))
	s.showError(c, describe(c, err))
}

// describe returns the part of err that operators may know.
func describe(c *gin.Context, err error) web.Problem {
	return problem.Describe(c, operator.Explain(err))
}

func (s *Console) showError(c *gin.Context, p web.Problem) {
	f := look.Failure{Problem: p}
	f.Advice, f.Link, f.To = advice(p)
	f.Apart = f.To == "/sign-in"
	s.templates.ShowFailure(c, f, func(body any) any { return s.frameOf(c, p.Title, "", body) })
}

// advice says what to do about a problem, and which link to follow.
func advice(p web.Problem) (text, link, to string) {
	switch p.Type[len(web.ProblemType):] {
	case "unauthenticated":
		return "Sign in in another tab, then come back to this one and send it again.", "Sign in in another tab", "/sign-in"
	case "forbidden":
		return "Nothing was done. An owner can change your role, or do it.", "Go to the overview", "/"
	case "cross-origin":
		return "Nothing was done. Open the console here, and try again.", "Open the console", "/"
	case "not-found":
		return "It may have been renamed or removed, or the address may be mistyped.", "See all tenants",
			"/tenants"
	case "commit-unknown":
		return "The change may have been stored or not. Check the list of operations before you try again.",
			"See the operations", "/operations"
	case "unavailable", "busy", "timeout", "maintenance":
		return "The master or a server doesn’t answer. Check that it runs and can be reached; the log says more.", "Try again", ""
	case "schema-version":
		return "This build can’t serve the tenant’s schema version. Migrate the tenant, or run a build that can serve it.", "See the migrations", "/migrations"
	case "under-way":
		return "Wait until it has finished. If it doesn’t finish, its last error says why.", "See what is under way",
			"/operations?unfinished=true"
	case "tenant-full":
		return "Ask the tenant’s users to delete what they no longer need, or raise its limit: tenantry tenant limit SUBDOMAIN --size SIZE.",
			"See the tenants", "/tenants"
	case "storage-full":
		return "Free space on the disk of the server, then try again.", "See the servers", "/servers"
	case "internal":
		return "The log says more under the number below.", "Go to the overview", "/"
	}
	return "Go back and try again.", "Go to the overview", "/"
}
