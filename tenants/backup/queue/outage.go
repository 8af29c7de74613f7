package queue

import (
	"errors"
	"time"

	"tenantry/tenants/bucket"
)

// outage is a time in which the storage can't be used. Meanwhile a few backups are tried now and then, whatever waits.
type outage struct {
	failed map[string]bool // tenants whose backups the storage has refused since the last that it took, up to manyFailed
	tries  int             // since the outage began; 0 if there is none
	until  time.Time       // when the next backups are tried
}

const (
	// manyFailed is the number of tenants of which the storage refuses to take backups that makes it an outage: one may fail
	// for a reason of its own.
	manyFailed = 3
	// longestOutage is the longest time until a storage that couldn't be used is tried again.
	longestOutage = time.Minute
)

// note is called after each backup. It reports whether an outage has ended.
func (o *outage) note(now time.Time, interval time.Duration, id string, err error) (ended bool) {
	switch {
	case err == nil:
		ended = o.tries > 0
		*o = outage{}
	case isOutage(err) && len(o.failed) < manyFailed:
		if o.failed == nil {
			o.failed = map[string]bool{}
		}
		o.failed[id] = true
	}
	if len(o.failed) == manyFailed && !o.until.After(now) { // and not of others that began together
		o.tries++
		o.until = now.Add(retryAfter(interval, o.tries, longestOutage))
	}
	return ended
}

func isOutage(err error) bool {
	return errors.Is(err, bucket.ErrUnavailable) || errors.Is(err, bucket.ErrFull)
}
