package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tenantry/app"
	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/migrate"
)

// scenario is a command that is killed at each point of one kind of operation.
type scenario struct {
	kind tenants.OperationKind
	// prepare is what is done to the tenant before, by words that killer.prepare
	// knows. A tenant that the command is to create has none.
	prepare string
	// command has X for the tenant's subdomain, HOME for the server of the tenants, SOURCE for the URL of a database
	// to adopt, REFUSED for the URL of a database that can't be adopted, and FILE for a portable file.
	command string
	// cancelAt is the point at which the command is asked to stop; those after it
	// are the ones that count.
	cancelAt string
	// decided is the point from which on the operation is finished when the
	// process dies; empty for that after its beginning.
	decided string
	// before and after are how the tenant may look, as killer.look tells, when
	// the process died before that point, and when it died later. Looks between
	// bars are all right.
	before, after string
	// sqlite leaves the scenario out on Postgres.
	sqlite bool
	// begun leaves out the points before the operation's beginning, where
	// something is wrong that only the operation mends.
	begun bool
}

// scenarios are those of every kind of operation.
func scenarios() []scenario {
	return []scenario{{
		kind: tenants.KindCreate, command: "tenant create X", before: "", after: "X active",
	}, {
		kind: tenants.KindCreate, command: "tenant create X --admin-email=ada@example.com", before: "", after: "X active",
	}, {
		kind: tenants.KindCreate, command: "tenant create X --admin-email=ada@example.com", cancelAt: "create/prepare/done", before: "", after: "",
	}, {
		kind: tenants.KindAdopt, command: "tenant create X --from=SOURCE --admin-email=ada@example.com", decided: "adopt/copy/after",
		before: "", after: "X active",
	}, {
		kind: tenants.KindCreate, command: "tenant create X", cancelAt: "create/database/done", before: "", after: "",
	}, {
		kind: tenants.KindAdopt, command: "tenant create X --from=SOURCE", decided: "adopt/copy/after",
		before: "", after: "X active",
	}, {
		kind: tenants.KindAdopt, command: "tenant create X --from=REFUSED", before: "", after: "",
	}, {
		kind: tenants.KindMigrateDown, prepare: "create", command: "migrate down --tenant X --yes", before: "X active", after: "X active",
	}, {
		kind: tenants.KindRevert, sqlite: true, begun: true, prepare: "create copied", command: "migrate revert RUN --tenant X --yes", before: "X active", after: "X active",
	}, {
		kind: tenants.KindSuspend, prepare: "create", command: "tenant suspend X",
		before: "X active", after: "X suspended",
	}, {
		kind: tenants.KindResume, prepare: "create suspend", command: "tenant resume X",
		before: "X suspended", after: "X active",
	}, {
		kind: tenants.KindRename, prepare: "create", command: "tenant rename X new-X --redirect-days=3",
		before: "X active", after: "new-X active",
	}, {
		kind: tenants.KindRename, prepare: "create suspend", command: "tenant rename X new-X",
		before: "X suspended", after: "new-X suspended",
	}, {
		kind: tenants.KindSetName, prepare: "create", command: "tenant set-name X Called",
		before: "X active", after: "X active Called",
	}, {
		kind: tenants.KindLimit, prepare: "create", command: "tenant limit X --requests=1000000/s",
		before: "X active", after: "X active limited",
	}, {
		kind: tenants.KindSet, prepare: "create", command: "tenant set X plan=team",
		before: "X active", after: "X active limited",
	}, {
		kind: tenants.KindMaintenance, prepare: "create", command: "tenant maintenance X on --message=Soon --until=2h",
		before: "X active", after: "X active closed",
	}, {
		kind: tenants.KindMaintenance, prepare: "create close", command: "tenant maintenance X off",
		before: "X active closed", after: "X active",
	}, {
		kind: tenants.KindArchive, prepare: "create", command: "tenant archive X --yes",
		before: "X active", after: "X archived",
	}, {
		kind: tenants.KindUnarchive, prepare: "create archive", command: "tenant restore X",
		before: "X archived", after: "X active",
	}, {
		kind: tenants.KindPurge, prepare: "create archive", command: "tenant purge X --yes",
		before: "X archived", after: "purged",
	}, {
		kind: tenants.KindRestore, prepare: "create archive purge", command: "tenant restore X",
		before: "purged", after: "X active",
	}, {
		kind: tenants.KindRemove, prepare: "create archive", command: "tenant purge X --yes --grace=0",
		before: "purged|purged removed", after: "purged removed", // it is due
	}, {
		kind: tenants.KindResume, prepare: "create suspend behind", command: "tenant resume X",
		before: "X suspended", after: "X active",
	}, {
		kind: tenants.KindUnarchive, prepare: "create archive behind", command: "tenant restore X",
		before: "X archived", after: "X active",
	}, {
		kind: tenants.KindAdmin, prepare: "create", command: "tenant admin X --admin-email=ada@example.com",
		before: "X active", after: "X active",
	}, {
		kind: tenants.KindDomainAdd, prepare: "create", command: "tenant domain add X X.example",
		before: "X active", after: "X active X.example",
	}, {
		kind: tenants.KindDomainVerify, prepare: "create domain", command: "tenant domain verify X X.example",
		before: "X active X.example", after: "X active X.example verified",
	}, {
		kind: tenants.KindDomainRemove, prepare: "create domain", command: "tenant domain remove X X.example",
		before: "X active X.example", after: "X active",
	}, {
		kind: tenants.KindRelease, prepare: "create rename", command: "tenant release X --yes",
		before: "new-X active", after: "new-X active",
	}, {
		kind: tenants.KindMakeEmpty, prepare: "create lose", command: "doctor --repair --make-empty X --yes", begun: true,
		before: "", after: "X active",
	}, {
		kind: tenants.KindCreate, command: "tenant create X --from=FILE --admin-email=ada@example.com", before: "", after: "X active",
	}, {
		kind: tenants.KindClone, command: "tenant clone bystander X --name=X", before: "", after: "X active",
	}, {
		kind: tenants.KindMove, prepare: "create", command: "tenant move X --to=other", before: "X active", after: "X active",
	}, {
		kind: tenants.KindMove, prepare: "create-elsewhere", command: "tenant move X --to=HOME", before: "X active", after: "X active",
	}, {
		kind: tenants.KindSwap, prepare: "create copy", command: "tenant swap X copy-X", before: "X active", after: "X active swapped",
	}, {
		kind: tenants.KindErase, prepare: "create", command: "tenant erase X --reason=asked --without-backups --yes", before: "X active", after: "purged removed",
	}, {
		kind: tenants.KindShell, prepare: "create", command: "tenant shell X --write", before: "X active", after: "X active",
	}, {
		kind: tenants.KindEnter, prepare: "create person", command: "tenant enter X --as=ada@example.com --reason=asked", before: "X active", after: "X active",
	}, {
		kind: tenants.KindExport, prepare: "create", command: "tenant export X FILE.X",
		before: "X active", after: "X active",
	}, {
		kind: tenants.KindCancel, prepare: "create archive stick", command: "tenant cancel X --yes",
		before: "purged", after: "X archived",
	}}
}

// args is the command on that tenant.
func (k *killer) args(s scenario, subdomain string) []string {
	return strings.Fields(strings.NewReplacer("X", subdomain, "HOME", k.home, "SOURCE", k.source, "REFUSED", k.refused, "FILE", k.file, "RUN", killedRun).Replace(s.command))
}

// counts reports whether the scenario includes a point.
func (s scenario) counts(point string, passed []string) bool {
	at := slices.Index(passed, point)
	if s.begun && at < slices.Index(passed, string(s.kind)+"/begin/after") {
		return false
	}
	return strings.HasPrefix(point, string(s.kind)+"/") && at > slices.Index(passed, s.cancelAt)
}

// wanted is how the tenant may look in the end when the command died at a point
// of those that it passes.
func (s scenario) wanted(point string, passed []string) []string {
	decided := cmp.Or(s.decided, string(s.kind)+"/begin/after")
	if slices.Index(passed, point) < slices.Index(passed, decided) {
		return strings.Split(s.before, "|")
	}
	return strings.Split(s.after, "|")
}

// operationKinds are the constants of tenants.OperationKind, as they are written.
func operationKinds(t *testing.T) (kinds []tenants.OperationKind) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../../tenants/operation.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); !ok || kind.Name != "OperationKind" {
			return true
		}
		text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, tenants.OperationKind(text))
		return true
	})
	return kinds
}

// elsewhere are the kinds of operations that no command does to one tenant: those
// on all tenants are killed by TestKilledWhileResealing and TestKilledInAPass, and
// an invitation, which only the console makes, has the plan of tenants.KindAdmin, and the part of a swap on the
// other tenant is no operation by itself. TestBackupKey sees that a key is shown only once that is in the ledger, and a
// tried backup is recorded in one transaction when all is done, and so is a change of an operator's account. Jobs are
// retried in one transaction after another that records it.
var elsewhere = []tenants.OperationKind{tenants.KindSwapOther, tenants.KindBackupKey, tenants.KindVerify, tenants.KindReseal, tenants.KindMigrate, tenants.KindRepair, tenants.KindInvite, tenants.KindRetry,
	tenants.KindOperatorAdd, tenants.KindOperatorRole, tenants.KindOperatorToken, tenants.KindOperatorRevoke, tenants.KindOperatorRemove}

// TestEveryKindIsKilled finds a scenario for each kind of operation.
func TestEveryKindIsKilled(t *testing.T) {
	t.Parallel()
	kinds := operationKinds(t)
	if len(kinds) < 10 {
		t.Fatalf("kinds %q", kinds)
	}
	for _, kind := range kinds {
		if !slices.Contains(elsewhere, kind) && !slices.ContainsFunc(scenarios(), func(s scenario) bool { return s.kind == kind }) {
			t.Errorf("no scenario kills an operation of kind %q", kind)
		}
	}
}

// prepare does what the words say to the tenant, with a row in its database.
func (k *killer) prepare(ctx context.Context, words, subdomain string) error {
	m := k.app.Manager()
	does := map[string]func() error{
		"create":           func() error { return k.createWithRow(ctx, subdomain, "") },
		"create-elsewhere": func() error { return k.createWithRow(ctx, subdomain, "other") },
		"suspend":          func() error { _, err := m.Suspend(ctx, "ada", subdomain); return err },
		"close": func() error {
			_, err := m.SetMaintenance(ctx, "ada", subdomain, lifecycle.Maintenance{On: true})
			return err
		},
		"archive": func() error { _, err := m.Archive(ctx, "ada", subdomain); return err },
		"purge":   func() error { _, err := m.Purge(ctx, "ada", subdomain, time.Hour); return err },
		"rename": func() error {
			_, err := m.Rename(ctx, "ada", subdomain, lifecycle.Rename{To: "new-" + subdomain})
			return err
		},
		"copy":   func() error { return k.createWithRow(ctx, "copy-"+subdomain, "") },
		"stick":  func() error { return k.stick(ctx, subdomain) },
		"behind": func() error { return k.setBehind(ctx, subdomain) },
		"move":   func() error { return k.moveToTrash(ctx, subdomain) },
		"lose":   func() error { return k.lose(ctx, subdomain) },
		"domain": func() error { return k.addDomain(ctx, subdomain) },
		"person": func() error { return k.addPerson(ctx, subdomain) },
		"copied": func() error { return k.keepCopy(ctx, subdomain) },
	}
	for _, word := range strings.Fields(words) {
		if err := does[word](); err != nil {
			return fmt.Errorf("%s %s: %w", word, subdomain, err)
		}
	}
	return nil
}

// setBehind has the master say that the tenant is at an old version.
func (k *killer) setBehind(ctx context.Context, subdomain string) error {
	return k.app.Store().Master().Update(ctx, func(tx *gorm.DB) error {
		return tx.Model(&tenants.Tenant{}).Where("subdomain = ?", subdomain).Update("schema_version", 1).Error
	})
}

// killedRun is the id of a migration run that has kept copies.
const killedRun = "01k9z9z9z9z9z9z9z9z9z9z9z9"

// keepCopy migrates the tenant, and keeps a copy from before, as killedRun does.
func (k *killer) keepCopy(ctx context.Context, subdomain string) error {
	m, engine := k.app.Manager(), k.engine()
	previous, err := migrate.Previous(m.Migrations(engine.Dialect()), engine.SchemaVersion())
	if err != nil {
		return err
	}
	row, err := m.MigrateDown(ctx, "ada", subdomain, previous)
	if err != nil {
		return err
	}
	if _, err := engine.(tenants.Copier).KeepCopy(ctx, row, killedRun); err != nil {
		return err
	}
	if _, err := m.Migrate(ctx, "ada", subdomain); err != nil {
		return err
	}
	return k.app.Store().Master().Update(ctx, func(tx *gorm.DB) error {
		now := time.Now()
		run := tenants.MigrationRun{ID: killedRun, State: tenants.RunDone, Plan: "{}", By: "ada", StartedAt: now, UpdatedAt: now, FinishedAt: &now}
		if err := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&run).Error; err != nil {
			return err
		}
		return tx.Create(&tenants.MigrationCopy{
			RunID: killedRun, TenantID: row.ID, Server: row.Server, Database: row.Database, SchemaVersion: row.SchemaVersion, MadeAt: now,
		}).Error
	})
}

// moveToTrash puts the tenant's database in the wrong place.
func (k *killer) moveToTrash(ctx context.Context, subdomain string) error {
	row, err := k.app.Manager().Suspend(ctx, "ada", subdomain) // so that no process has it open
	if err != nil {
		return err
	}
	if err := k.engine().Trash(ctx, row); err != nil {
		return err
	}
	_, err = k.app.Manager().Resume(ctx, "ada", subdomain)
	return err
}

// stick begins to purge the tenant, and lets go of that before its first step.
func (k *killer) stick(ctx context.Context, subdomain string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := k.site
	s.interrupt = func(point string) {
		if point == "purge/drain/before" {
			cancel()
		}
	}
	c, err := s.parsed()
	if err != nil {
		return err
	}
	a, err := app.New(ctx, c, app.Options{Log: slog.New(slog.DiscardHandler), Interrupt: s.interrupt})
	if err != nil {
		return err
	}
	_, purged := a.Manager().Purge(ctx, "ada", subdomain, time.Hour)
	if err := a.Close(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	if purged == nil {
		return errors.New("the purge isn't stuck")
	}
	return nil
}

// lose removes the tenant's data behind the master's back.
func (k *killer) lose(ctx context.Context, subdomain string) error {
	row, err := k.app.Manager().Get(ctx, subdomain)
	if err != nil {
		return err
	}
	return k.engine().Drop(ctx, row)
}

// createWithRow makes a tenant with a project that is called as it is, on a server or that which has the most room.
func (k *killer) createWithRow(ctx context.Context, subdomain, server string) error {
	made, err := k.app.Manager().Create(ctx, lifecycle.NewTenant{Subdomain: subdomain, Server: server})
	if err != nil {
		return err
	}
	return k.app.Store().Update(ctx, made, func(tx *gorm.DB) error {
		return tx.Create(&models.Project{Name: subdomain}).Error
	})
}

// addPerson gives the tenant a user.
func (k *killer) addPerson(ctx context.Context, subdomain string) error {
	t, err := k.app.Manager().Get(ctx, subdomain)
	if err != nil {
		return err
	}
	return k.app.Store().Update(ctx, t, func(tx *gorm.DB) error {
		return tx.Create(&models.User{Name: "Ada", Email: "ada@example.com", Role: models.RoleMember}).Error
	})
}

// addDomain gives the tenant a domain whose challenge is published.
func (k *killer) addDomain(ctx context.Context, subdomain string) error {
	added, err := k.app.Manager().AddDomain(ctx, "ada", subdomain, subdomain+".example", false)
	if err != nil {
		return err
	}
	k.site.txt.values.Store(k.app.Manager().ChallengeRecord(added.Host), added.Challenge)
	return nil
}
