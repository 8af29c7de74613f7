package tenants

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// ErrOlderBuild matches every *OlderBuildError.
var ErrOlderBuild = errors.New("a process of an older build is running")

// OlderBuildError means that processes are alive whose build can't serve tenants at the schema version to which they
// would be migrated.
type OlderBuildError struct {
	// Version is the schema version, and OlderCode the oldest build that can serve it.
	Version, OlderCode int64
	// Instances are the processes, oldest first.
	Instances []Instance
}

// Error names the first process, and says since when it is running.
func (e *OlderBuildError) Error() string {
	first := e.Instances[0]
	build := fmt.Sprintf("schema version %d", first.SchemaVersion)
	if first.SchemaVersion == 0 {
		build = "an unknown schema version"
	}
	text := fmt.Sprintf("code of builds before schema version %d can't live with schema version %d, and %s, of a build for %s, is running since %s",
		e.OlderCode, e.Version, first.Name, build, first.StartedAt.UTC().Format(time.RFC3339))
	if more := len(e.Instances) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	return text
}

// Unwrap returns ErrOlderBuild.
func (e *OlderBuildError) Unwrap() error { return ErrOlderBuild }

// CheckOlderBuilds returns an *OlderBuildError if a process is alive whose build couldn't serve the tenants that this
// build migrates.
func (s *Store) CheckOlderBuilds(ctx context.Context) error {
	build := s.process.build
	older := &OlderBuildError{Version: build.Newest, OlderCode: build.OlderCode[build.Newest]}
	err := s.master.View(ctx, func(tx *gorm.DB) error {
		living, err := s.master.Living(tx)
		older.Instances = nil
		for _, i := range living {
			if i.SchemaVersion < older.OlderCode {
				older.Instances = append(older.Instances, i)
			}
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("look for processes of older builds: %w: %w", ErrUnavailable, err)
	}
	if len(older.Instances) > 0 {
		return older
	}
	return nil
}
