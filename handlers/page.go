package handlers

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"
)

const (
	defaultLimit = 50
	maxLimit     = 200
)

// order is what sorts a list: integer columns, of which the last is unique.
// Pages go on after the values of the last row (keyset), so that rows that come
// or go meanwhile shift nothing.
type order struct {
	columns    []string
	descending bool
}

// page is the part of a list that a request asks for.
type page struct {
	// list names the list, with what it belongs to: a cursor of one list is
	// none of another.
	list  string
	order order
	limit int
	after []int64 // the columns of the last row seen, nil at the beginning
}

// readPage reads ?limit= and ?after=.
func readPage(c *gin.Context, bad *faults, list string, o order) page {
	p := page{list: list, order: o, limit: defaultLimit}
	if text, ok := c.GetQuery("limit"); ok {
		limit, ok := ParseNumber(text, 1, maxLimit)
		if !ok {
			bad.add("limit", "must be a number from 1 to "+strconv.Itoa(maxLimit))
		}
		p.limit = limit
	}
	if text, ok := c.GetQuery("after"); ok {
		if p.after, ok = p.parseCursor(text); !ok {
			bad.add("after", "must be the next of an earlier page of this list")
		}
	}
	return p
}

// rows narrows tx to the page's rows and one more, which tells whether another
// page follows.
func (p page) rows(tx *gorm.DB) *gorm.DB {
	columns, compare, direction := strings.Join(p.order.columns, ", "), ">", ""
	if p.order.descending {
		compare, direction = "<", " DESC"
	}
	if p.after != nil {
		tx = tx.Where("("+columns+") "+compare+" ?", p.after)
	}
	return tx.Order(strings.Join(p.order.columns, direction+", ") + direction).Limit(p.limit + 1)
}

// listJSON is how every list is shown.
type listJSON[V any] struct {
	Items []V     `json:"items"`
	Next  *string `json:"next"` // null on the last page
}

// Found are the rows of a page of a list.
type Found[M any] struct {
	Rows []M
	// Next is where the next page begins, for ?after=; nil on the last page.
	Next *string
}

// find reads a page of a list. keys are the columns of its order.
func find[M any](tx *gorm.DB, p page, keys func(M) []int64) (Found[M], error) {
	var rows []M
	err := p.rows(tx).Find(&rows).Error
	return cut(rows, p, keys), err
}

// cut leaves the row out that tells of another page.
func cut[M any](rows []M, p page, keys func(M) []int64) Found[M] {
	if len(rows) <= p.limit {
		return Found[M]{Rows: rows}
	}
	next := p.cursor(keys(rows[p.limit-1]))
	return Found[M]{Rows: rows[:p.limit], Next: &next}
}

// writeList answers with a page of a list, or passes its error on.
func writeList[M, V any](c *gin.Context, found Found[M], err error, view func(M) V) error {
	if err != nil {
		return err
	}
	list := listJSON[V]{Items: make([]V, 0, len(found.Rows)), Next: found.Next}
	for row := range slices.Values(found.Rows) {
		list.Items = append(list.Items, view(row))
	}
	c.JSON(http.StatusOK, list)
	return nil
}

// filter narrows tx to the rows whose column has the value of the query
// parameter of the same name, if it is there.
func filter[T any](c *gin.Context, bad *faults, tx *gorm.DB, name string, parse func(text string) (value T, fault string)) *gorm.DB {
	text, ok := c.GetQuery(name)
	if !ok {
		return tx
	}
	value, fault := parse(text)
	if fault != "" {
		bad.add(name, fault)
		return tx
	}
	return tx.Where(name+" = ?", value)
}
