package sqlite

import (
	"context"
	"fmt"

	"tenantry/tenants"
)

var _ tenants.Measured = (*Engine)(nil)

// SizeSQL counts the pages in use.
func (e *Engine) SizeSQL() string {
	return "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
}

// Free returns the free space on the disk of the tenants' folder.
func (e *Engine) Free() (free, total int64, err error) { return FreeSpace(e.files.path(tenantsDir)) }

// hardShare is the fraction of the tenant's limit by which a file may exceed it: Store.Update checks the size
// before a scope begins, and scopes that have begun may go beyond.
const hardShare = 8

// mostPages is max_page_count without a limit: the largest number that every version of SQLite takes.
const mostPages = 1<<30 - 1

// sizeLimit is the limit, in bytes, to which a connection can grow its file. The zero value is that of a new
// connection, no limit.
type sizeLimit int64

// apply limits the connection as the scope's tenant is limited. A file that is larger already can't grow.
func (l *sizeLimit) apply(ctx context.Context, conn rawConn) error {
	most, limited := tenants.SizeLimit(ctx)
	if !limited || sizeLimit(most) == *l {
		return nil
	}
	pages := int64(mostPages)
	if most > 0 {
		var size any
		if err := queryRow(ctx, conn, "PRAGMA page_size", &size); err != nil {
			return err
		}
		pages = min(max(1, (most+most/hardShare)/max(1, size.(int64))), mostPages)
	}
	if _, err := conn.ExecContext(ctx, fmt.Sprintf("PRAGMA max_page_count=%d", pages), nil); err != nil {
		return err
	}
	*l = sizeLimit(most)
	return nil
}
