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
func (e *Engine) Free() (free, total int64, err error) { return freeSpace(e.files.path(tenantsDir)) }

// hardShare is the fraction of MaxSize by which a file may exceed it: Store.Update checks the size
// before a scope begins, and scopes that have begun may go beyond.
const hardShare = 8

// limitSize limits the size to which a connection can grow the file. A file that is larger already can't
// grow.
func limitSize(maxSize int64) func(context.Context, rawConn) error {
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
