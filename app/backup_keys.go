package app

import (
	"context"
	"fmt"

	"tenantry/tenants/lifecycle"
)

// BackupKeysOld is the kind of findings about keys of backups that an older secret key seals. Without that secret key these
// backups can't be read.
const BackupKeysOld = "backup-keys-old"

// examineBackupKeys looks at the keys of backups, while there is more than one secret key. With repair it seals them with
// the newest secret key.
func (a *App) examineBackupKeys(ctx context.Context, repair bool) ([]lifecycle.Finding, error) {
	if a.backups == nil {
		return nil, nil
	}
	old, err := a.backups.OldKeys(ctx)
	if err != nil || len(old) == 0 {
		return nil, err
	}
	f := lifecycle.Finding{
		Kind: BackupKeysOld, Subject: a.backups.Place(),
		Detail: fmt.Sprintf("the keys of %d backups are sealed with a secret key that is not the newest", len(old)),
		Remedy: "run with --repair to seal them with the newest; keep the old secret key until no such finding is left",
	}
	for _, id := range old {
		if !repair {
			break
		}
		if err := a.backups.ResealKeys(ctx, id); err != nil {
			return []lifecycle.Finding{f}, err
		}
	}
	f.Repaired = repair
	return []lifecycle.Finding{f}, nil
}
