package sealed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync/atomic"
	"time"

	"tenantry/tenants/bucket"
)

// ErrOtherInstallation means that a bucket has the backups of another installation.
var ErrOtherInstallation = errors.New("another installation keeps its backups there")

const (
	// ownerKey is the object that has the id of the installation whose backups the bucket has.
	ownerKey = "installation"
	// ownedFor is how long the owner is known before it is read again.
	ownedFor = time.Minute
	// mostOwner is the most that the object has, in bytes.
	mostOwner = 100
)

// owner keeps two installations apart that have the same secret key. It is safe for concurrent use.
type owner struct {
	bucket bucket.Bucket
	id     string       // the installation's; empty for any
	known  atomic.Int64 // when the bucket was last found to be the installation's, in nanoseconds since 1970
}

// check returns ErrOtherInstallation if the bucket is another installation's. With claim, a bucket without an id becomes this installation's.
func (o *owner) check(ctx context.Context, claim bool) error {
	if o.id == "" || time.Since(time.Unix(0, o.known.Load())).Abs() < ownedFor {
		return nil
	}
	has, err := o.read(ctx)
	if err == nil && has == "" && claim {
		if err = o.take(ctx); err == nil {
			has, err = o.read(ctx) // another one may have claimed it at this moment
		}
	}
	switch {
	case err != nil:
		return fmt.Errorf("find out whose backups these are: %w", err)
	case has == "":
		return nil
	case has != o.id:
		return fmt.Errorf("%w (%s): %s; choose a folder or prefix for each installation", ErrOtherInstallation, has, o.bucket)
	}
	o.known.Store(time.Now().UnixNano())
	return nil
}

// read returns the id of the bucket's installation, or "" if it has none.
func (o *owner) read(ctx context.Context) (string, error) {
	r, err := o.bucket.Get(ctx, ownerKey)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, mostOwner))
	return strings.TrimSpace(string(text)), err
}

func (o *owner) take(ctx context.Context) error {
	return o.bucket.Put(ctx, ownerKey, strings.NewReader(o.id+"\n"))
}

// TakeOver makes the bucket this installation's. Another one whose it was is refused within a minute.
func (b *Bucket) TakeOver(ctx context.Context) error { return b.keys.owner.take(ctx) }
