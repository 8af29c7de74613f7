// Package mail sends messages to people. A message is a job of its tenant, written in the scope that causes it. The job has
// what the message is about and no text; the text is written when it is sent, so that the database never holds the token
// of a link.
//
//	mail.go  the job and its work
//	smtp.go  the server that takes messages
package mail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/jobs"
)

// Message is a message to a person, as a job.
type Message struct {
	// Name names its Writer.
	Name string `json:"name"`
	// UserID is to whom it goes, or 0 if Email says that.
	UserID int64 `json:"user_id,omitempty"`
	// Email is an address that may have no user.
	Email string `json:"email,omitempty"`
	// TaskIDs and Day are what it is about, or zero.
	TaskIDs []int64 `json:"task_ids,omitempty"`
	Day     string  `json:"day,omitempty"`
	// TaskID is the first of TaskIDs, for builds that know of one alone, and the only one in their messages.
	TaskID int64 `json:"task_id,omitempty"`
	// Until is when it isn't sent any more, or zero.
	Until time.Time `json:"until,omitzero"`
}

// Kind is "mail.send".
func (Message) Kind() string { return "mail.send" }

// Enqueue writes the message in the scope of tx, unless one with its key waits. The message is sent if the scope commits.
func Enqueue(tx *gorm.DB, m Message, key string) error {
	return jobs.Enqueue(tx, m, jobs.Options{UniqueKey: key})
}

// Letter is a message as it is sent.
type Letter struct {
	// To is an e-mail address.
	To string
	// Subject is a line, and Text the body.
	Subject, Text string
}

// Writer writes the letters of messages of one name.
type Writer struct {
	// Write returns the letter, or nil if there is none to send any more. It may store the digest of a token whose text is in the letter.
	Write func(tx *gorm.DB, t *tenants.Tenant, m Message) (*Letter, error)
	// Waits means that without a mail server the message waits for an operator, who passes it on. Others are dropped.
	Waits bool
}

// ErrNoServer means that a message can't be sent because no mail server is set.
var ErrNoServer = errors.New("no mail server is set: an operator passes the message on")

// ErrNoLetter means that there is nothing to send any more: the link was used, or too much time has passed.
var ErrNoLetter = errors.New("the message isn't valid any more")

// IsOver reports whether an error is ErrNoLetter.
func IsOver(err error) bool { return errors.Is(err, ErrNoLetter) }

// Post sends messages. It is safe for concurrent use.
type Post struct {
	server  *Server // nil for none
	writers map[string]Writer
	log     *slog.Logger
}

// NewPost returns a Post that sends with the server, or keeps messages for operators if it is nil. log
// gets which messages operators open.
func NewPost(server *Server, writers map[string]Writer, log *slog.Logger) *Post {
	return &Post{server, writers, log}
}

// The work on a message. Attempts become as rare as every five minutes, for a day.
const (
	sendDeadline = time.Minute
	sendAttempts = 300
	longestPause = 5 * time.Minute
)

// Register makes the messages be sent.
func (p *Post) Register(w *jobs.Workers) {
	backoff := func(failed int64) time.Duration { return min(jobs.Backoff(failed), longestPause) }
	jobs.RegisterOutside(w, p.send, jobs.Work{Deadline: sendDeadline, MaxAttempts: sendAttempts, Backoff: backoff})
}

func (p *Post) send(ctx context.Context, job *jobs.Job[Message]) error {
	if p.server == nil {
		return p.keep(ctx, job)
	}
	if err := p.server.ready(); err != nil {
		return err // before a link is made that replaces the one before
	}
	letter, err := p.write(ctx, job.Home.Update, job.Home.Tenant, job.Args)
	if errors.Is(err, ErrNoLetter) {
		return nil
	}
	if err != nil {
		return err
	}
	return p.server.Send(ctx, job.ID, *letter)
}

// write writes the letter of a message in a scope.
func (p *Post) write(ctx context.Context, update func(context.Context, tenants.Func) error, t *tenants.Tenant, m Message) (letter *Letter, err error) {
	writer, known := p.writers[m.Name]
	if !known {
		return nil, fmt.Errorf("messages of the name %q are not known to this build", m.Name)
	}
	if !m.Until.IsZero() && time.Now().After(m.Until) {
		return nil, ErrNoLetter
	}
	err = update(ctx, func(tx *gorm.DB) error {
		if letter, err = writer.Write(tx, t, m); err == nil && letter == nil {
			err = ErrNoLetter
		}
		return err
	})
	return letter, err
}

// errTried makes a scope be rolled back.
var errTried = errors.New("tried")

// keep discards the job if there is a letter that an operator can pass on, instead of an earlier one with its key. Nothing
// else of it remains.
func (p *Post) keep(ctx context.Context, job *jobs.Job[Message]) error {
	if !p.writers[job.Args.Name].Waits {
		return nil
	}
	_, err := p.write(ctx, func(ctx context.Context, f tenants.Func) error {
		return job.Home.Update(ctx, func(tx *gorm.DB) error {
			if err := f(tx); err != nil {
				return err
			}
			return errTried
		})
	}, job.Home.Tenant, job.Args)
	switch {
	case errors.Is(err, ErrNoLetter):
		return nil
	case !errors.Is(err, errTried):
		return err
	}
	err = job.Home.Update(ctx, func(tx *gorm.DB) error {
		key := tx.Model(&jobs.Row{}).Select("unique_key").Where("id = ?", job.ID)
		return tx.Delete(&jobs.Row{}, "kind = ? AND state = ? AND unique_key = (?)", Message{}.Kind(), jobs.Discarded, key).Error
	})
	if err != nil {
		return err
	}
	return jobs.Discard(ErrNoServer)
}

// Open writes the letter of a discarded job for an operator, who passes it on; earlier letters of the same message lose their
// links. Returns gorm.ErrRecordNotFound if there is no such job, and ErrNoLetter if the letter isn't valid any more.
func (p *Post) Open(ctx context.Context, store *tenants.Store, t *tenants.Tenant, by, jobID string) (*Letter, error) {
	var m Message
	err := store.View(ctx, t, func(tx *gorm.DB) error {
		var row jobs.Row
		if err := tx.Take(&row, "id = ? AND kind = ? AND state = ?", jobID, m.Kind(), jobs.Discarded).Error; err != nil {
			return err
		}
		return json.Unmarshal([]byte(row.Args), &m)
	})
	if err != nil {
		return nil, err
	}
	p.log.InfoContext(ctx, "an operator opens a message", "tenant", t.Subdomain, "by", by, "job", jobID, "message", m.Name)
	return p.write(ctx, func(ctx context.Context, f tenants.Func) error { return store.Update(ctx, t, f) }, t, m)
}
