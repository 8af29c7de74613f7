package tenants

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"gorm.io/gorm"
)

// QuestionAsked is what WatchFunc reports instead of a tenant's id when a process asks all others something.
const QuestionAsked = "question"

// HandleQuestion is what a process asks all others: which handles they have open, or to close one. The process that asks
// deletes it.
type HandleQuestion struct {
	// ID is a lower-case ULID.
	ID string `gorm:"primaryKey;not null;check:handle_questions_id_check,length(id) = 26"`
	// TenantID is the tenant whose handle is meant. It is empty for all tenants.
	TenantID string `gorm:"not null"`
	// Closes asks to close the handle unless scopes use it.
	Closes bool `gorm:"not null"`
	// Sort and Most are the arguments of Store.Handles.
	Sort    HandleOrder `gorm:"not null"`
	Most    int         `gorm:"not null"`
	AskedAt time.Time   `gorm:"not null"`

	Answers []HandleAnswer `gorm:"foreignKey:QuestionID;constraint:handle_answers_question_id_fkey,OnDelete:CASCADE"`
}

// HandleAnswer is what a process answers.
type HandleAnswer struct {
	QuestionID string `gorm:"primaryKey;not null"`
	InstanceID string `gorm:"primaryKey;not null"`
	// Answer is JSON.
	Answer string `gorm:"not null"`
}

// handleAnswer is HandleAnswer.Answer.
type handleAnswer struct {
	process string // that answered
	Handles []Handle
	// Open is how many handles the process has, also those that aren't in Handles.
	Open   int
	Closed bool
	// Leases is why nothing was closed, if it isn't 0.
	Leases int64
	// Failed says that the handle didn't close in time.
	Failed bool
}

const (
	// answerPatience is how long a process waits for the others' answers.
	answerPatience = 3 * time.Second
	// closePatience is how long a handle may take to close, so that the process can answer in time.
	closePatience = 2 * time.Second
	// answerPoll is the pause between two looks for answers.
	answerPoll = 25 * time.Millisecond
	// questionLife is after how long a question is deleted whose process has died.
	questionLife = time.Minute
)

// SilentError means that processes didn't answer in time: they are stopped, too busy, lost touch with the master, or run an
// older build.
type SilentError struct{ Processes []string }

// Error names the processes.
func (e *SilentError) Error() string {
	return "no answer from " + strings.Join(e.Processes, "; ")
}

// HandleSearch says which handles Store.HandlesEverywhere returns.
type HandleSearch struct {
	// TenantID is empty for all tenants.
	TenantID string
	Order    HandleOrder
	Limit    int
}

// OpenHandles are handles of all processes.
type OpenHandles struct {
	Handles []Handle
	// Open is how many there are, also those beyond the limit.
	Open int
	// Silent are the processes that didn't answer in time.
	Silent []string
}

// HandlesEverywhere asks all processes for their open handles, without those that are being closed. It waits for them a few
// seconds at most.
func (s *Store) HandlesEverywhere(ctx context.Context, search HandleSearch) (found OpenHandles, err error) {
	answers, silent, err := s.ask(ctx, HandleQuestion{TenantID: search.TenantID, Sort: search.Order, Most: search.Limit})
	if err != nil {
		return found, err
	}
	found.Silent = silent
	for _, a := range answers {
		found.Open += a.Open
		for _, h := range a.Handles {
			h.Process = a.process
			found.Handles = append(found.Handles, h)
		}
	}
	slices.SortStableFunc(found.Handles, search.Order.compare)
	found.Handles = found.Handles[:min(search.Limit, len(found.Handles))]
	return found, nil
}

// CloseIdleEverywhere closes the tenant's handle in all processes in which no scope uses it, and returns the names of those
// that had it open. The next scope opens another one. Returns a *LeasedError if it is in use in some processes, a
// *SilentError if some didn't answer within a few seconds, or ErrNoHandle if no process has it open.
func (s *Store) CloseIdleEverywhere(ctx context.Context, tenantID string) (closed []string, err error) {
	answers, silent, err := s.ask(ctx, HandleQuestion{TenantID: tenantID, Closes: true})
	if err != nil {
		return nil, err
	}
	var leased LeasedError
	for _, a := range answers {
		switch {
		case a.Closed:
			closed = append(closed, a.process)
		case a.Leases > 0:
			leased.Leases += a.Leases
			leased.Processes = append(leased.Processes, a.process)
		case a.Failed:
			silent = append(silent, a.process)
		}
	}
	switch {
	case leased.Leases > 0:
		return closed, &leased
	case len(silent) > 0:
		return closed, &SilentError{silent}
	case len(closed) == 0:
		return nil, ErrNoHandle
	}
	return closed, nil
}

// ask asks all living processes, this one among them, and returns the answers and the names of those that didn't answer.
func (s *Store) ask(ctx context.Context, q HandleQuestion) (answers []handleAnswer, silent []string, err error) {
	own := s.process.ID()
	var waiting []Instance
	err = s.master.Update(ctx, func(tx *gorm.DB) (err error) {
		if waiting, err = s.master.Living(tx); err != nil {
			return err
		}
		waiting = slices.DeleteFunc(waiting, func(i Instance) bool { return i.ID == own })
		if len(waiting) == 0 {
			return nil
		}
		if q.AskedAt, err = s.master.Now(tx); err != nil {
			return err
		}
		q.ID = strings.ToLower(ulid.Make().String())
		q.Answers = []HandleAnswer{{QuestionID: q.ID, InstanceID: own, Answer: "{}"}} // this process needs no wake-up for its own
		return tx.Create(&q).Error
	})
	if err == nil {
		answer := s.answer(ctx, &q)
		answer.process = s.process.name
		answers = append(answers, answer)
	}
	if err != nil || len(waiting) == 0 {
		return answers, nil, err
	}
	others, silent, err := s.awaitAnswers(ctx, q.ID, waiting)
	return append(answers, others...), silent, s.endQuestion(ctx, &q, err)
}

// endQuestion deletes the question, and those of processes that died before they could. It returns err, or why that failed.
func (s *Store) endQuestion(ctx context.Context, q *HandleQuestion, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerPatience) // the question ends with its process
	defer cancel()
	deleted := s.master.Update(ctx, func(tx *gorm.DB) error {
		return tx.Delete(&HandleQuestion{}, "id = ? OR asked_at < ?", q.ID, q.AskedAt.Add(-questionLife)).Error
	})
	if err == nil && deleted != nil {
		err = fmt.Errorf("delete a question to the processes: %w", deleted)
	}
	return err
}

// awaitAnswers returns the answers of living instances, and the names of those that gave none in time.
func (s *Store) awaitAnswers(ctx context.Context, questionID string, waiting []Instance) (answers []handleAnswer, silent []string, err error) {
	deadline := time.Now().Add(answerPatience)
	for {
		got, left, err := s.readAnswers(ctx, questionID, waiting)
		if err != nil {
			return nil, nil, err
		}
		answers, waiting = append(answers, got...), left
		if len(waiting) == 0 || time.Now().After(deadline) {
			break
		}
		select {
		case <-ctx.Done():
			return nil, nil, context.Cause(ctx)
		case <-time.After(answerPoll):
		}
	}
	for i := range waiting {
		silent = append(silent, waiting[i].Name)
	}
	return answers, silent, nil
}

// readAnswers returns the answers of instances, and the instances that live and have not answered.
func (s *Store) readAnswers(ctx context.Context, questionID string, waiting []Instance) (answers []handleAnswer, left []Instance, err error) {
	var rows []HandleAnswer
	var living []Instance
	err = s.master.View(ctx, func(tx *gorm.DB) (err error) {
		if living, err = s.master.Living(tx); err != nil { // before the answers: an instance that ends has answered or hasn't
			return err
		}
		return tx.Find(&rows, "question_id = ?", questionID).Error
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read the answers of processes: %w", err)
	}
	for i := range waiting {
		at := slices.IndexFunc(rows, func(r HandleAnswer) bool { return r.InstanceID == waiting[i].ID })
		if at < 0 {
			if slices.ContainsFunc(living, func(l Instance) bool { return l.ID == waiting[i].ID }) {
				left = append(left, waiting[i])
			}
			continue
		}
		answer := handleAnswer{process: waiting[i].Name}
		if err := json.Unmarshal([]byte(rows[at].Answer), &answer); err != nil {
			return nil, nil, fmt.Errorf("read the answer of %s: %w", waiting[i].Name, err)
		}
		answers = append(answers, answer)
	}
	return answers, left, nil
}
