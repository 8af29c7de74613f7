package operator

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/problem"
	"tenantry/tenants"
	"tenantry/tenants/document"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/operators"
)

// Follow says how streams of the ledger are timed. Zero fields have defaults.
type Follow struct {
	// Tick is the time between two readings of the ledger, while it is followed. Defaults to one second.
	Tick time.Duration
	// KeepAlive is the time between blank lines in a stream without news. Defaults to 15 seconds.
	KeepAlive time.Duration
}

// followOperations streams the operations that change from now on as lines of JSON; with ?after=, also those that began
// after that one, first. Before anything is sent, and at each blank line, the operator's token must still be valid.
func (a *API) followOperations(c *gin.Context) error {
	after, err := readFollow(c)
	if err != nil {
		return err
	}
	ctx, leave := context.WithCancel(c.Request.Context())
	defer leave()
	defer context.AfterFunc(a.serving, leave)()
	changes, err := a.feed.Follow(ctx)
	if err != nil {
		return err
	}
	c.Header("Content-Type", "application/x-ndjson")
	c.Header("X-Accel-Buffering", "no") // stops proxies from buffering lines
	c.Status(http.StatusOK)
	c.Writer.Flush()
	if c.Request.Method == http.MethodHead {
		return nil
	}
	err = a.sendAll(ctx, c, after, changes)
	if ctx.Err() != nil || errors.Is(err, operators.ErrNoToken) {
		return nil
	}
	return err
}

// sendAll sends the operations that began after one, if it is given, and then what changes.
func (a *API) sendAll(ctx context.Context, c *gin.Context, after string, changes <-chan []tenants.Operation) error {
	if after != "" {
		if err := a.sendSince(ctx, c, after); err != nil {
			return err
		}
	}
	return a.sendChanges(ctx, c, changes)
}

// readFollow reads ?after= of a stream, which takes no other parameter.
func readFollow(c *gin.Context) (after string, err error) {
	if value := c.Query("follow"); value != "" && value != "true" {
		return "", problem.InvalidField("follow", "must be true or without a value")
	}
	for name := range c.Request.URL.Query() {
		if name != "follow" && name != "after" {
			return "", problem.InvalidField(name, "can't be combined with follow")
		}
	}
	after, given := c.GetQuery("after")
	if given && !lifecycle.IsOperationID(after) {
		return "", problem.InvalidField("after", "must be the id of an operation")
	}
	return after, nil
}

// sendSince sends the operations that began after one, the oldest first.
func (a *API) sendSince(ctx context.Context, c *gin.Context, after string) error {
	for {
		page, err := a.manager.OperationsSince(ctx, after, maxLimit)
		if err != nil || len(page) == 0 {
			return err
		}
		if err := a.sendLines(ctx, c, page); err != nil {
			return err
		}
		after = page[len(page)-1].ID
	}
}

// sendChanges sends what changes until ctx ends, or the client has fallen too far behind.
func (a *API) sendChanges(ctx context.Context, c *gin.Context, changes <-chan []tenants.Operation) error {
	quiet := time.NewTimer(a.keepAlive)
	defer quiet.Stop()
	for {
		var changed []tenants.Operation
		follows := true
		select {
		case changed, follows = <-changes:
		case <-quiet.C:
		}
		if !follows {
			return nil
		}
		if err := a.sendLines(ctx, c, changed); err != nil {
			return err
		}
		quiet.Reset(a.keepAlive)
	}
}

// sendLines sends each operation as a line, or a blank line if there are none. Returns operators.ErrNoToken if the
// operator's token was revoked.
func (a *API) sendLines(ctx context.Context, c *gin.Context, page []tenants.Operation) error {
	if _, err := standing(ctx, a.accounts, Current(c)); err != nil {
		return err
	}
	if len(page) == 0 {
		if _, err := c.Writer.WriteString("\n"); err != nil {
			return err
		}
	}
	encoder := json.NewEncoder(c.Writer)
	for _, o := range page {
		if err := encoder.Encode(document.OperationOf(o)); err != nil {
			return err // the client has left
		}
	}
	c.Writer.Flush()
	return nil
}
