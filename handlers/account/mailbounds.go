package account

import (
	"time"

	"gorm.io/gorm"

	"tenantry/handlers/auth"
	"tenantry/handlers/problem"
	"tenantry/models"
)

// Limits on messages that people cause, counted like tries to sign in. The tenant's limit holds for invitations, whose addresses anybody
// may own.
const (
	invitationsPerTenant  = 50
	invitationsPerAddress = 3
	resetPause            = 5 * time.Minute
)

// countInvitation counts an invitation of the user's address in the scope that makes it, so that it counts only if it is made.
// Returns ErrTooManyTries if there were too many.
func (a *Accounts) countInvitation(tx *gorm.DB, user models.User) error {
	now := a.now()
	for _, counter := range [...]struct {
		triesCounter
		detail string
	}{
		{triesCounter{triesKey("invitations"), invitationsPerTenant}, "Too many invitations were made."},
		{triesCounter{triesKey("invitations to:" + auth.FoldEmail(user.Email)), invitationsPerAddress}, "Too many invitations were made for this address."},
	} {
		row, err := countOne(tx, counter.key, now, triesWindow)
		if err != nil {
			return err
		}
		if row.Count > counter.most {
			return problem.TooMany(counter.detail+" Wait for as long as Retry-After says.", row.Since.Add(triesWindow).Sub(now))
		}
	}
	return nil
}

// isFirstReset reports whether no letter for a forgotten password was asked for at the address within resetPause, and counts this
// one: the letter before has a link that works still.
func (a *Accounts) isFirstReset(tx *gorm.DB, email string) (bool, error) {
	row, err := countOne(tx, triesKey("reset letters to:"+email), a.now(), resetPause)
	return row.Count == 1, err
}
