package account

import (
	"context"
	"crypto/sha256"
	"net/netip"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tenantry/handlers/auth"
	"tenantry/handlers/problem"
	"tenantry/handlers/request"
	"tenantry/models"
	"tenantry/tenants"
)

// Limits on tries to sign in. A window begins with the first try.
const (
	triesWindow     = 15 * time.Minute
	triesPerAccount = 5
	triesPerAddress = 50
	maxTriesRows    = 10_000
)

// try holds the keys under which a try to sign in is counted.
type try struct{ account, address []byte }

func newTry(email string, client netip.Addr) try {
	return try{account: triesKey("account:" + auth.FoldEmail(email)), address: triesKey("address:" + request.Network(client))}
}

func triesKey(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// count counts a try before its password is checked, in its own scope. So concurrent
// tries can't get past the limit, and a try stays counted whether or not the request
// succeeds. Returns ErrTooManyTries if the limit is exceeded. If it was exceeded
// before, a read finds that and nothing is written.
func (a *Accounts) count(ctx context.Context, t *tenants.Tenant, one try) error {
	now := a.now()
	var wait time.Duration
	look := func(tx *gorm.DB) (err error) {
		wait, err = one.wait(tx, now)
		return err
	}
	write := func(tx *gorm.DB) (err error) {
		if wait, err = one.count(tx, now); err != nil {
			return err
		}
		return sweepTries(tx, now)
	}
	err := a.store.View(ctx, t, look)
	if err == nil && wait == 0 {
		err = a.store.Update(tenants.WithReserve(ctx), t, write)
	}
	if err == nil && wait > 0 {
		err = problem.TooManyTries(wait)
	}
	return err
}

// counters returns the try's keys, each with its limit per window. The address goes
// first: an address over its limit doesn't count for accounts.
func (one try) counters() [2]triesCounter {
	return [...]triesCounter{{one.address, triesPerAddress}, {one.account, triesPerAccount}}
}

type triesCounter struct {
	key  []byte
	most int64
}

// wait returns how long to wait until another try is counted, or 0 if there is no
// wait.
func (one try) wait(tx *gorm.DB, now time.Time) (time.Duration, error) {
	for _, counter := range one.counters() {
		var rows []models.SignInAttempts
		err := tx.Where("key = ? AND count >= ? AND since > ?", counter.key, counter.most, now.Add(-triesWindow)).Find(&rows).Error
		if err != nil {
			return 0, err
		}
		if len(rows) > 0 {
			return rows[0].Since.Add(triesWindow).Sub(now), nil
		}
	}
	return 0, nil
}

// count counts the try and returns how long to wait until the next one, or 0 if the
// limit isn't exceeded. An address over its limit no longer counts for accounts,
// because it could otherwise fill the table.
func (one try) count(tx *gorm.DB, now time.Time) (wait time.Duration, err error) {
	for _, counter := range one.counters() {
		row, err := countOne(tx, counter.key, now, triesWindow)
		if err != nil {
			return 0, err
		}
		if row.Count > counter.most {
			return row.Since.Add(triesWindow).Sub(now), nil
		}
	}
	return 0, nil
}

// countSQL begins a window if there is none or the last one has ended. The key is
// not the first value because gorm expands a slice after a parenthesis.
const countSQL = `INSERT INTO sign_in_attempts AS a (count, since, key) VALUES (1, ?, ?)
ON CONFLICT (key) DO UPDATE SET
	count = CASE WHEN a.since <= ? THEN 1 ELSE a.count + 1 END,
	since = CASE WHEN a.since <= ? THEN excluded.since ELSE a.since END`

// countOne counts one more in the key's window, which lasts at most triesWindow.
func countOne(tx *gorm.DB, key []byte, now time.Time, window time.Duration) (models.SignInAttempts, error) {
	var row models.SignInAttempts
	ended := now.Add(-window)
	if err := tx.Exec(countSQL, now, key, ended, ended).Error; err != nil {
		return row, err
	}
	err := tx.Where("key = ?", key).Take(&row).Error
	return row, err
}

// forget clears the account's count and subtracts the successful try from the
// address's count. The address goes first, as in count.
func (one try) forget(tx *gorm.DB) error {
	err := tx.Exec("UPDATE sign_in_attempts SET count = count - 1 WHERE key = ? AND count > 0", one.address).Error
	if err != nil {
		return err
	}
	return tx.Where("key = ?", one.account).Delete(&models.SignInAttempts{}).Error
}

// sweepTries removes rows of ended windows, and the oldest rows if there are too
// many.
func sweepTries(tx *gorm.DB, now time.Time) error {
	rows := func() *gorm.DB { return tx.Model(&models.SignInAttempts{}).Select("key") }
	ended := rows().Where("since <= ?", now.Add(-triesWindow)).Order("since")
	surplus := rows().Order("since DESC").Offset(maxTriesRows)
	for _, some := range []*gorm.DB{ended, surplus} {
		if err := tx.Where("key IN (?)", unlocked(some)).Delete(&models.SignInAttempts{}).Error; err != nil {
			return err
		}
	}
	return nil
}

// unlocked limits a query to a few rows that no other transaction has locked: a
// sweep never waits, and the next sweep removes the rest.
func unlocked(tx *gorm.DB) *gorm.DB {
	return tx.Limit(100).Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"})
}
