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

// PathID returns the id in the path, or gorm.ErrRecordNotFound if the text is no id.
func PathID(c *gin.Context) (int64, error) {
	id, ok := ParseID(c.Param("id"))
	if !ok {
		return 0, gorm.ErrRecordNotFound
	}
	return id, nil
}

// ParseID reads an id. Each id has one spelling.
func ParseID(text string) (int64, bool) {
	id, err := strconv.ParseInt(text, 10, 64)
	return id, err == nil && id > 0 && strconv.FormatInt(id, 10) == text
}

// TakeRow reads the row whose id is in the path, or returns gorm.ErrRecordNotFound.
func TakeRow[M any](c *gin.Context, tx *gorm.DB) (M, error) {
	var row M
	id, err := PathID(c)
	if err != nil {
		return row, err
	}
	err = tx.Take(&row, id).Error
	return row, err
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
