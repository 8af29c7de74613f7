// Package pages is the tenants' HTML, and the page at the base domain. A page
// is filled by a handler of the file of its name, from the template of the same
// name. Handlers called create, update and delete take what was posted, and call the
// operations of packages handlers and account, as the JSON API does.
//
//	site.go      what a site is made of
//	routes.go    all routes
//	frame.go     what surrounds every page
//	form.go      forms, as the operations take them
//	errors.go    what is shown when there is nothing else to show
//
// Every page works without scripts: forms are posted, and answered with a
// redirect (303) to the page that shows what came of it, or with the form and
// what is wrong. htmx, where it runs, sends the same requests and takes the part
// that changed out of the same answer.
package pages

import (
	"context"
	"embed"
	"html/template"
	"io/fs"

	"tenantry/handlers/account"
	"tenantry/handlers/look"
	"tenantry/handlers/uploads"
	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/web"
)

//go:embed templates
var templateFiles embed.FS

// Options configure a Site.
type Options struct {
	// Store holds the tenants.
	Store *tenants.Store
	// Web leads requests into the tenants' scopes.
	Web *web.Middleware
	// Accounts let people in, and know where tenants are reached.
	Accounts *account.Accounts
	// Domain is the base domain.
	Domain tenants.BaseDomain
	// Demo are the demo tenants and how to sign in there, for all to see; nil
	// where there are none.
	Demo []Demo
	// Export exports all data of a tenant for one of its admins.
	Export func(ctx context.Context, t *tenants.Tenant, who *account.Identity) (*lifecycle.Download, error)
	// Appearance is how a tenant's pages look. Defaults to that of the zero Appearance.
	Appearance func(t *tenants.Tenant) Appearance
	// Uploads receive and send files.
	Uploads uploads.Service
	// Navigation leads to the application's pages, before people and activity; its
	// first entry is where people go after they signed in, "/". Defaults to the
	// projects.
	Navigation []Link
	// Templates are the application's pages, each a file NAME.html that defines
	// "main", for Show. It may be nil.
	Templates fs.FS
}

// Demo is a demo tenant with the way in.
type Demo struct {
	Name, URL, Email, Password string
}

// Site serves the pages. It is safe for concurrent use.
type Site struct {
	store      *tenants.Store
	web        *web.Middleware
	accounts   *account.Accounts
	domain     tenants.BaseDomain
	demo       []Demo
	appearance func(t *tenants.Tenant) Appearance
	navigation []Link
	taskMail   bool // people choose whether they get mail about tasks
	templates  look.Templates
	assets     look.Assets
	uploads    uploads.Service
	export     func(ctx context.Context, t *tenants.Tenant, who *account.Identity) (*lifecycle.Download, error)
	// progress has how many tasks a project has, by its id.
	progress *tenants.Cache[int64, taskCounts]
}

// New makes a Site.
func New(o Options) *Site {
	assets := look.LoadAssets()
	files, err := fs.Sub(templateFiles, "templates")
	if err != nil {
		panic(err) // they are embedded: only a broken build gets here
	}
	if o.Navigation == nil {
		o.Navigation = []Link{{"/", "Projects"}}
	}
	if o.Appearance == nil {
		o.Appearance = func(*tenants.Tenant) Appearance { return Appearance{} }
	}
	functions := template.FuncMap{"navigation": func() []Link { return o.Navigation }}
	return &Site{
		store: o.Store, web: o.Web, accounts: o.Accounts, domain: o.Domain, demo: o.Demo, appearance: o.Appearance, navigation: o.Navigation, export: o.Export, uploads: o.Uploads,
		progress: tenants.NewCache[int64, taskCounts](tenants.CacheOptions{}),
		assets:   assets, templates: look.LoadTemplates(files, assets, functions, o.Templates),
	}
}

// statuses are those of tasks in the words of the pages, in the board's order.
func statuses() []option {
	return []option{
		{Value: string(models.StatusTodo), Label: "To do"},
		{Value: string(models.StatusDoing), Label: "Doing"},
		{Value: string(models.StatusDone), Label: "Done"},
	}
}

// roles are those of users in the words of the pages.
func roles() []option {
	return []option{
		{Value: string(models.RoleMember), Label: "Member"},
		{Value: string(models.RoleAdmin), Label: "Admin"},
	}
}
