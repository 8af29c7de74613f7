package sqlite

import (
	"context"
	"fmt"

	"tenantry/tenants"
)

var _ tenants.Measured = (*Engine)(nil)

// SizeSQL counts the pages that hold something.
func (e *Engine) SizeSQL() string {
	return "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
}

// Free is what the disk of the tenants' folder has left.
func (e *Engine) Free() (free, total int64, err error) { return freeSpace(e.files.path(tenantsDir)) }

// hardShare is the part of MaxSize by which a file may be larger than it:
// Store.Update looks before a scope begins, and lets some in beyond.
const hardShare = 8

// bounded keeps a connection from growing the file over the bound. A file that
// is larger already doesn't grow.
func bounded(maxSize int64) func(context.Context, rawConn) error {
	return func(ctx context.Context, conn rawConn) error {
		if maxSize == 0 {
			return nil
		}
		var size any
		if err := queryRow(ctx, conn, "PRAGMA page_size", &size); err != nil {
			return err
		}
		pages := (maxSize + maxSize/hardShare) / max(1, size.(int64))
		_, err := conn.ExecContext(ctx, fmt.Sprintf("PRAGMA max_page_count=%d", max(1, pages)), nil)
		return err
	}
}
