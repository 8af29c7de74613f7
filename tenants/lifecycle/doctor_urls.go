package lifecycle

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/seal"
)

// The kinds of findings about the sealed URLs of servers.
const (
	// URLUnreadable means that the URL was sealed with an unavailable key or was altered. The server can't be
	// opened.
	URLUnreadable = "url-unreadable"
	// URLOldKey means that an old key sealed the URL. It is readable, but the old key can't be removed.
	URLOldKey = "url-old-key"
)

// examineURLs examines the URLs of the servers in the master. If d.Repair is set, it reseals those that were
// sealed with an old key. The URLs themselves don't change, so servers stay open.
func (d *doctor) examineURLs(ctx context.Context) error {
	all, err := d.Servers(ctx)
	if err != nil {
		return err
	}
	for i := range all {
		f := d.examineURL(&all[i].Server)
		if f == nil {
			continue
		}
		if f.Kind == URLOldKey && d.Repair {
			if f.Repaired, err = d.resealURL(ctx, &all[i].Server); err != nil {
				return fmt.Errorf("seal the URL of server %q: %w", all[i].Name, err)
			}
		}
		d.add(*f)
	}
	return nil
}

// examineURL returns the problem of the server's URL, or nil.
func (d *doctor) examineURL(s *tenants.Server) *Finding {
	if s.URL == nil {
		return nil
	}
	f := &Finding{Kind: URLUnreadable, Subject: s.Name}
	_, err := d.Keys.Open(s.SealID(), s.URL)
	switch {
	case errors.Is(err, seal.ErrUnknownKey):
		f.Detail, f.Remedy = err.Error(), "add the key with that id to the configured keys, after the newest one"
	case err != nil:
		f.Detail, f.Remedy = err.Error(), "restore the URL of server "+s.Name+" from a backup of the master"
	case d.Keys.IsCurrent(s.URL):
		return nil
	default:
		f.Kind, f.Detail = URLOldKey, "sealed with key "+d.Keys.KeyID(s.URL)+", which is not the newest"
		f.Remedy = "run with --repair to seal it with the newest key; keep the old key until no such finding is left"
	}
	return f
}

// resealURL seals the server's URL with the newest key, unless it has changed since it was read.
func (d *doctor) resealURL(ctx context.Context, s *tenants.Server) (changed bool, err error) {
	url, err := d.Keys.Open(s.SealID(), s.URL)
	if err != nil {
		return false, err
	}
	sealed, err := d.Keys.Seal(s.SealID(), url)
	if err != nil {
		return false, err
	}
	err = d.master.Update(ctx, func(tx *gorm.DB) error {
		result := tx.Model(&tenants.Server{}).Where("id = ? AND url = ?", s.ID, s.URL).UpdateColumn("url", sealed)
		changed = result.RowsAffected > 0
		return result.Error
	})
	return changed, err
}
