package request

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

// Order is what sorts a list: integer columns, of which the last is unique.
// Pages go on after the values of the last row (keyset), so that rows that come
// or go meanwhile shift nothing.
type Order struct {
	Columns    []string
	Descending bool
}

// Page is the part of a list that a request asks for.
type Page struct {
	List  string // the list's name, with what it belongs to
	Order Order
	Limit int
	After []int64 // the columns of the last row seen, nil at the beginning
}

// Page reads the parameters limit and after. list names the list, with what it
// belongs to: a cursor of one list is none of another.
func (q *Query) Page(list string, o Order) Page {
	p := Page{List: list, Order: o, Limit: q.Limit}
	if text, ok := q.Get("limit"); ok {
		limit, ok := ParseNumber(text, 1, maxLimit)
		if !ok {
			q.Add("limit", "must be a number from 1 to "+strconv.Itoa(maxLimit))
		}
		p.Limit = limit
	}
	if text, ok := q.Get("after"); ok {
		if p.After, ok = p.ParseCursor(text); !ok {
			q.Add("after", "must be the next of an earlier page of this list")
		}
	}
	return p
}

// Rows narrows tx to the page's rows and one more, which tells whether another
// page follows.
func (p Page) Rows(tx *gorm.DB) *gorm.DB {
	columns, compare, direction := strings.Join(p.Order.Columns, ", "), ">", ""
	if p.Order.Descending {
		compare, direction = "<", " DESC"
	}
	if p.After != nil {
		tx = tx.Where("("+columns+") "+compare+" ?", p.After)
	}
	return tx.Order(strings.Join(p.Order.Columns, direction+", ") + direction).Limit(p.Limit + 1)
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

// FindPage reads a page of a list, or returns what is wrong with its query. keys are
// the columns of its order.
func FindPage[M any](tx *gorm.DB, q *Query, p Page, keys func(M) []int64) (Found[M], error) {
	if err := q.Err(); err != nil {
		return Found[M]{}, err
	}
	var rows []M
	err := p.Rows(tx).Find(&rows).Error
	return CutPage(rows, p, keys), err
}

// CutPage drops the extra row that signals a next page.
func CutPage[M any](rows []M, p Page, keys func(M) []int64) Found[M] {
	if len(rows) <= p.Limit {
		return Found[M]{Rows: rows}
	}
	next := p.cursor(keys(rows[p.Limit-1]))
	return Found[M]{Rows: rows[:p.Limit], Next: &next}
}

// WriteList answers with a page of a list, or passes its error on.
func WriteList[M, V any](c *gin.Context, found Found[M], err error, view func(M) V) error {
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

// Filter narrows tx to the rows whose column has the value of the query
// parameter of the same name, if it is there.
func Filter[T any](q *Query, tx *gorm.DB, name string, parse func(text string) (value T, fault string)) *gorm.DB {
	text, ok := q.Get(name)
	if !ok {
		return tx
	}
	value, fault := parse(text)
	if fault != "" {
		q.Add(name, fault)
		return tx
	}
	return tx.Where(name+" = ?", value)
}
