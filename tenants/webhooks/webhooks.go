// Package webhooks tells a URL of the operator's that operations have ended, as https://www.standardwebhooks.com says. The
// transaction that ends an operation leaves a job without tenant in the master; the job delivers what the ledger says of the
// operation. A delivery comes at least once, and deliveries come in no order.
//
//	webhooks.go  the job and its work
//	request.go   the request, and its answer
//	settings.go  the URL, and the secret that signs
package webhooks

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/document"
	"tenantry/tenants/jobs"
)

// Delivery is what a job delivers: how an operation ended. The job's ID is the operation's, which makes it the key for
// idempotence.
type Delivery struct {
	OperationID string `json:"operation_id"`
}

// Kind is tenants.WebhookKind.
func (Delivery) Kind() string { return tenants.WebhookKind }

// Event is the body of a delivery. It is the same for all attempts.
type Event struct {
	// Type is operation.succeeded or operation.failed.
	Type string `json:"type"`
	// Timestamp is when the operation ended.
	Timestamp time.Time          `json:"timestamp"`
	Data      document.Operation `json:"data"`
}

// Options configure a Sender.
type Options struct {
	// Program is the user agent of requests. Defaults to "tenantry".
	Program string
	// Timeout bounds a request with its answer. Defaults to 10 seconds.
	Timeout time.Duration
}

// Sender delivers webhooks. It is safe for concurrent use.
type Sender struct {
	target  Target
	client  *http.Client
	program string
}

// NewSender returns a Sender for the target.
func NewSender(target Target, o Options) *Sender {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxResponseHeaderBytes = mostHeader
	return &Sender{target, &http.Client{
		Transport:     transport,
		Timeout:       cmp.Or(o.Timeout, 10*time.Second),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, cmp.Or(o.Program, "tenantry")}
}

// Workers returns the workers that deliver. They need a Runner of their own, so that a receiver that doesn't answer holds up
// no other jobs.
func (s *Sender) Workers() *jobs.Workers {
	w := jobs.NewWorkers()
	jobs.RegisterOutside(w, s.deliver, jobs.Work{Deadline: s.client.Timeout + margin})
	return w
}

// margin is what an attempt may take beside its request.
const margin = 5 * time.Second

// deliver delivers how an operation ended.
func (s *Sender) deliver(ctx context.Context, job *jobs.Job[Delivery]) error {
	if job.Args.OperationID == "" {
		return jobs.Discard(errors.New("the job names no operation; another build wrote it"))
	}
	var o tenants.Operation
	err := job.Home.View(ctx, func(tx *gorm.DB) error { return tx.Take(&o, "id = ?", job.Args.OperationID).Error })
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return jobs.Discard(fmt.Errorf("operation %s is not in the ledger", job.Args.OperationID))
	}
	if err != nil {
		return err
	}
	body, err := json.Marshal(eventOf(o))
	if err != nil {
		return jobs.Discard(err)
	}
	return s.send(ctx, job.ID, body)
}

// eventOf returns the event of an operation that has ended.
func eventOf(o tenants.Operation) Event {
	data := document.OperationOf(o)
	e := Event{Type: "operation.succeeded", Data: data}
	if o.State == tenants.OperationFailed {
		e.Type = "operation.failed"
	}
	if data.FinishedAt != nil {
		e.Timestamp = *data.FinishedAt
	}
	return e
}
