// Package handlers answers requests: contacts as JSON, and as a page.
package handlers

import (
	"net/http"

	"tenantry/app"
	"tenantry/handlers/pages"
	"tenantry/handlers/request"
	"tenantry/tenants/web"
)

// Routes adds the application's routes to those of the accounts.
func Routes(p *app.Public) {
	site := p.AccountRoutes(pages.Options{
		Navigation: []pages.Link{{Path: "/", Label: "Contacts"}},
		Templates:  templates(),
	})
	do, read := request.Do, []string{http.MethodGet, http.MethodHead}
	api, in := p.API(web.ScopeOptions{}), site.Scoped(p, web.ScopeOptions{})
	api.Match(read, "/contacts", do(ListContacts, "limit", "after"))
	api.POST("/contacts", do(CreateContact))
	api.Match(read, "/contacts/:id", do(GetContact))
	p.API(web.ScopeOptions{}, p.Requests.Admit(), p.Uploads.Receive(MaySetPicture)).PUT("/contacts/:id/picture", do(SetPicture, "name"))
	p.Streamed().Match(read, "/contacts/:id/picture", request.Plain(p.Uploads.Send(PictureOf)))
	in.Match(read, "/", do(showContacts(site), "limit", "after"))
}
