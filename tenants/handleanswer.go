package tenants

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// wakeAnswers wakes answerQuestions.
func (s *Store) wakeAnswers() {
	select {
	case s.asked <- struct{}{}:
	default: // a wake-up is pending already
	}
}

// answerQuestions answers questions of other processes until ctx ends. It runs once for each wake-up.
func (s *Store) answerQuestions(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.asked:
		}
		if err := s.answerAll(ctx); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "answer a question of another process", "error", err)
		}
	}
}

// answerAll answers the questions that this process has not answered.
func (s *Store) answerAll(ctx context.Context) error {
	var questions []HandleQuestion
	err := s.master.View(ctx, func(tx *gorm.DB) error {
		return tx.Order("id").Find(&questions, `NOT EXISTS (SELECT 1 FROM handle_answers a
			WHERE a.question_id = handle_questions.id AND a.instance_id = ?)`, s.process.ID()).Error
	})
	if err != nil {
		return err
	}
	for i := range questions {
		answer := s.answer(ctx, &questions[i])
		err = errors.Join(err, s.sendAnswer(ctx, questions[i].ID, answer))
	}
	return err
}

// answer does what the question asks for.
func (s *Store) answer(ctx context.Context, q *HandleQuestion) (a handleAnswer) {
	if !q.Closes {
		a.Open = s.Load().Open
		if a.Handles = s.Handles(q.Sort, q.Most); q.TenantID != "" {
			a.Handles = slices.DeleteFunc(s.Handles(q.Sort, math.MaxInt), func(h Handle) bool { return h.TenantID != q.TenantID })
			a.Open = len(a.Handles)
		}
		return a
	}
	ctx, cancel := context.WithTimeout(ctx, closePatience)
	defer cancel()
	var leased *LeasedError
	switch err := s.CloseIdle(ctx, q.TenantID); {
	case err == nil:
		a.Closed = true
	case errors.As(err, &leased):
		a.Leases = leased.Leases
	default:
		a.Failed = !errors.Is(err, ErrNoHandle)
	}
	return a
}

// sendAnswer writes the answer unless the question is gone. It locks the question's row, so that the question is deleted
// with the answer. SQLite has one writer at a time and ignores the lock.
func (s *Store) sendAnswer(ctx context.Context, questionID string, a handleAnswer) error {
	text, err := json.Marshal(a)
	if err != nil {
		return err
	}
	return s.master.Update(ctx, func(tx *gorm.DB) error {
		err := tx.Clauses(clause.Locking{Strength: "SHARE"}).Select("id").Take(&HandleQuestion{}, "id = ?", questionID).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		row := HandleAnswer{QuestionID: questionID, InstanceID: s.process.ID(), Answer: string(text)}
		return tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row).Error
	})
}
