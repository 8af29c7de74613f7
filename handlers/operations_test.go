package handlers_test

import (
	"errors"
	"net/url"
	"testing"

	"gorm.io/gorm"

	"tenantry/handlers"
	"tenantry/handlers/account"
	"tenantry/handlers/problem"
	"tenantry/handlers/request"
)

// TestOperationsTakeValues calls operations without a request: what they do is
// recorded as done by the user whom they are given.
func TestOperationsTakeValues(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		member := &account.Identity{UserID: memberID}
		a.update(t, func(tx *gorm.DB) error {
			project, err := handlers.AddProject(tx, member, request.NewInput(map[string]any{"name": "Office"}))
			if err != nil {
				return err
			}
			task, err := handlers.AddTask(tx, member, project.ID, request.NewInput(map[string]any{"title": "Order chairs"}))
			if err != nil {
				return err
			}
			found, err := handlers.FindTasks(tx, project.ID, request.NewQuery(url.Values{"status": {"todo"}}))
			if err != nil || len(found.Rows) != 1 || found.Rows[0].ID != task.ID {
				t.Errorf("found %v, %v", found.Rows, err)
			}
			_, err = handlers.FindTasks(tx, project.ID, request.NewQuery(url.Values{"status": {"gone"}, "limit": {"0"}}))
			if !errors.Is(err, problem.ErrInvalid) {
				t.Errorf("a query with faults: %v", err)
			}
			if _, err = handlers.ChangeTask(tx, member, task.ID, request.NewInput(map[string]any{"version": 99})); !errors.Is(err, problem.ErrStale) {
				t.Errorf("another version: %v", err)
			}
			if err := handlers.RemoveProject(tx, member, project.ID+1); !errors.Is(err, gorm.ErrRecordNotFound) {
				t.Errorf("another project: %v", err)
			}
			return nil
		})
		for _, activity := range a.dump(t).Activity {
			if activity.ActorID == nil || *activity.ActorID != memberID {
				t.Errorf("%s was done by %v", activity.Action, activity.ActorID)
			}
		}
	})
}
