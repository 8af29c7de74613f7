package sqlite

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
)

// checkpointingConnector checkpoints what is left in the -wal when its pool is closed. A pool that has written
// has done so by then. Readers can't, and leave a -wal file behind even if it is empty.
type checkpointingConnector struct {
	connector
	closed func() // called when it has closed
}

var _ io.Closer = checkpointingConnector{}

// Close is called by the pool after its connections were closed. It returns nil even if it could not
// checkpoint: nothing is lost, because the next connection reads the -wal with the file.
func (c checkpointingConnector) Close() error {
	defer c.closed()
	if _, err := os.Lstat(c.file.path + "-wal"); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	conn, err := c.Connect(context.Background())
	if err != nil {
		return nil
	}
	return conn.Close() // the last connection to close checkpoints the -wal
}
