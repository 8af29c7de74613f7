// Package request is what handlers of all kinds use: it adapts handlers that return
// errors to Gin, reads requests and collects everything that is wrong with them, and
// answers with pages of lists.
//
//	adapter.go      runs a handler in the request's transaction
//	query.go        refuses queries with parameters that a route doesn't take
//	form.go         reads forms
//	body.go         reads bodies, and JSON into structs
//	input.go        the values of a request by name, taken out one by one
//	faults.go       collects what is wrong with a request
//	rules.go        what a value may be
//	page.go         pages of lists
//	cursor.go       the opaque text that says where the next page begins
//	client.go       the client's address
//	same_origin.go  refuses changes that a page of another origin sends
package request

import (
	"net/http"
	"strconv"

	"tenantry/handlers/problem"
	"tenantry/tenants/web"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"
)

// Do adapts a handler to Gin, and declares the parameters that its query may hold, as
// Takes does. f gets the request's transaction. If f returns an error, the transaction
// is rolled back and problem.Middleware renders the error. Do works below web.Scoped only.
func Do(f func(c *gin.Context, tx *gorm.DB) error, parameters ...string) gin.HandlerFunc {
	return Plain(func(c *gin.Context) error { return f(c, web.Tx(c)) }, parameters...)
}

// Plain is like Do for handlers without a transaction.
func Plain(f func(c *gin.Context) error, parameters ...string) gin.HandlerFunc {
	return func(c *gin.Context) {
		err := CheckQuery(c, parameters...)
		if err == nil {
			err = f(c)
		}
		if err != nil {
			problem.Fail(c, err)
		}
	}
}

// PathID returns the id in the path. Do, Plain and Takes have checked that it is one.
func PathID(c *gin.Context) int64 {
	id, _ := ParseID(c.Param("id"))
	return id
}

// ParseID reads an id. Each id has one spelling.
func ParseID(text string) (int64, bool) {
	id, err := strconv.ParseInt(text, 10, 64)
	return id, err == nil && id > 0 && strconv.FormatInt(id, 10) == text
}

// Take reads the row with the id, or returns gorm.ErrRecordNotFound.
func Take[M any](tx *gorm.DB, id int64) (row M, err error) {
	err = tx.Take(&row, id).Error
	return row, err
}

// WriteRow answers with a row, or passes its error on.
func WriteRow[M, V any](c *gin.Context, row M, err error, view func(M) V) error {
	if err == nil {
		c.JSON(http.StatusOK, view(row))
	}
	return err
}

// WriteNoContent answers with 204 if err is nil. It returns err.
func WriteNoContent(c *gin.Context, err error) error {
	if err == nil {
		c.Status(http.StatusNoContent)
	}
	return err
}

// WriteCreated answers with 201 and the location of what was created.
func WriteCreated(c *gin.Context, location string, body any) {
	c.Header("Location", location)
	c.JSON(http.StatusCreated, body)
}
