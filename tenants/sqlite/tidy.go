package sqlite

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
)

// tidyingConnector moves what is left in -wal into the file when its pool is
// closed. A pool that has written has done so by then. Readers can't, and leave
// a -wal file behind even if it is empty.
type tidyingConnector struct{ connector }

var _ io.Closer = tidyingConnector{}

// Close is called by the pool, after its connections are closed. It returns
// nil also where it could not tidy up: nothing is lost, since the next
// connection reads -wal with the file.
func (c tidyingConnector) Close() error {
	if _, err := os.Lstat(c.place.path + "-wal"); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	conn, err := c.Connect(context.Background())
	if err != nil {
		return nil
	}
	return conn.Close() // the last connection to close moves what is in -wal
}
