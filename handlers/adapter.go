// Package handlers is the tenants' JSON API, one resource a file. A handler
// reads the request, works on tx and answers; what it returns as an error
// rolls the transaction back and is rendered by Problems. A request's way
// through the package:
//
//	adapter.go    hands the scope's transaction to the handler
//	decode.go     reads a JSON body, member by member, and collects all faults
//	query.go      refuses queries and forms with what a route doesn't take
//	sheet.go      reads a CSV body, row by row, likewise
//	rules.go      what a value may be
//	projects.go   the handlers of a resource; copy it to add another; tasks.go,
//	              users.go and comments.go are of the same kind
//	tasks_….go    boards, the order of cards, and the import from CSV
//	page.go       a page of a list
//	cursor.go     the opaque text that says where the next page begins
//	activity.go   records who did what, in the same transaction
//	problem.go    the one table from errors to what the client reads
//	context.go    the request's id; client.go, its client's address
//	error_page.go where a page tells of them instead
//
// The pages do what the API does by the same operations: a handler such as
// CreateProject reads a body and answers, and AddProject between them does the
// work on an Input. handlers/pages reads forms instead.
//
// Who is let through:
//
//	accounts.go        what the following share
//	authenticate.go    who sent the request
//	recent.go          credentials that were valid a moment ago
//	same_origin.go     refuses changes that another site's page sends
//	permissions.go     what members and API tokens may not do
//	confirm.go         asks for the password again
//	session.go         signing in and out
//	password.go        checks and changes passwords
//	attempts.go        counts the tries to sign in
//	invitation.go      lets people set their first password
//	credentials.go     lists and ends sessions and API tokens
//	tokens.go          API tokens
//	admins.go          lets operators make the first admin
package handlers

import (
	"net/http"
	"strconv"

	"tenantry/handlers/problem"
	"tenantry/tenants/web"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Do adapts a handler to gin, and declares the parameters that its query may
// hold, as Takes does. f gets the request's transaction; the error that it
// returns is recorded on c, which rolls back. It works under web.Scoped
// only.
func Do(f func(c *gin.Context, tx *gorm.DB) error, parameters ...string) gin.HandlerFunc {
	return func(c *gin.Context) {
		err := CheckQuery(c, parameters...)
		if err == nil {
			err = f(c, web.Tx(c))
		}
		if err != nil {
			problem.Fail(c, err)
		}
	}
}

// pathID is the id in the path. Text that is no id is gorm.ErrRecordNotFound,
// like an id that nothing has.
func pathID(c *gin.Context) (int64, error) {
	id, ok := ParseID(c.Param("id"))
	if !ok {
		return 0, gorm.ErrRecordNotFound
	}
	return id, nil
}

// ParseID reads an id as it is written in paths: one spelling per id.
func ParseID(text string) (int64, bool) {
	id, err := strconv.ParseInt(text, 10, 64)
	return id, err == nil && id > 0 && strconv.FormatInt(id, 10) == text
}

// take reads the row whose id is in the path, or returns gorm.ErrRecordNotFound.
func take[M any](c *gin.Context, tx *gorm.DB) (M, error) {
	var row M
	id, err := pathID(c)
	if err != nil {
		return row, err
	}
	err = tx.Take(&row, id).Error
	return row, err
}

// locked makes reads on tx lock their rows until the scope ends, so that
// changes made from what was read come one after another. Postgres needs it;
// on SQLite whole scopes do.
func locked(tx *gorm.DB) *gorm.DB {
	return tx.Clauses(clause.Locking{Strength: "NO KEY UPDATE"})
}

// kept makes reads on tx keep their rows from being deleted until the scope
// ends, for references to them.
func kept(tx *gorm.DB) *gorm.DB {
	return tx.Clauses(clause.Locking{Strength: "KEY SHARE"})
}

// noContent answers 204 to what was done, or passes its error on.
func noContent(c *gin.Context, err error) error {
	if err == nil {
		c.Status(http.StatusNoContent)
	}
	return err
}

// created answers 201 with the place of what was made.
func created(c *gin.Context, location string, body any) {
	c.Header("Location", location)
	c.JSON(http.StatusCreated, body)
}
