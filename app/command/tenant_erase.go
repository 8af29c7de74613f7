package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"tenantry/app"
	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
)

type eraseCommand struct {
	Subdomain      string `arg:"" help:"The tenant's subdomain; for a purged tenant its former subdomain or its id."`
	Reason         string `required:"" placeholder:"TEXT" help:"Why, for the ledger and the certificate, such as the number of the request."`
	Certificate    string `type:"path" placeholder:"FILE" help:"Also write the certificate to a new file, as JSON."`
	WithoutBackups bool   `help:"There are no backups: don't ask for their storage."`

	consent
}

// Help is shown with the flags.
func (eraseCommand) Help() string {
	return `Removes the tenant's database, and the key with which its backups are encrypted, at once and for good: they can't be read any more, wherever copies of them are, not even with a backup of the master and the secret key. Nothing can bring the tenant back. Clones and files that were made of it are other copies: the certificate names those that the ledger knows.

The certificate is kept in the ledger; the same command shows it again. If the erasure stops, because the backups' storage is away or the process dies, a server finishes it, or "tenantry doctor --repair".

Examples:

    tenantry tenant erase acme --reason "request 4711"
    tenantry tenant erase acme --reason "request 4711" --certificate acme.json --yes`
}

// Run erases the tenant.
func (r *eraseCommand) Run(c *Call) error {
	return c.With(func(a *app.App) (err error) {
		t, err := c.tenant(a, r.Subdomain)
		if err != nil {
			return err
		}
		what := fmt.Sprintf("All data of %s and its backups will be destroyed, now and for good.", r.Subdomain)
		if err := r.ask(c, what+domainsGo(t), r.Subdomain); err != nil {
			return err
		}
		var file *os.File
		if r.Certificate != "" {
			if file, err = os.OpenFile(r.Certificate, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
				return fmt.Errorf("the certificate's file: %w; nothing was done", err)
			}
		}
		certificate, err := a.Manager().Erase(c.ctx, a.By(), r.Subdomain, lifecycle.Erasure{Reason: r.Reason, WithoutBackups: r.WithoutBackups})
		if file != nil {
			err = errors.Join(err, r.save(file, certificate))
		}
		if err != nil {
			return eraseError(err, r.Subdomain)
		}
		if c.out.json {
			return c.out.Document(certificate)
		}
		return c.out.Certificate(certificate)
	})
}

// save writes the certificate to the file, or removes the file if there is no certificate.
func (r *eraseCommand) save(file *os.File, certificate *lifecycle.Certificate) error {
	if certificate == nil {
		return errors.Join(file.Close(), os.Remove(r.Certificate))
	}
	encoder := json.NewEncoder(file)
	encoder.SetIndent("", "  ")
	return errors.Join(encoder.Encode(certificate), file.Sync(), file.Close())
}

// eraseError adds what to do next.
func eraseError(err error, subdomain string) error {
	var state *lifecycle.StateError
	switch {
	case errors.Is(err, lifecycle.ErrNoVault):
		return fmt.Errorf("%w; choose it with TENANTRY_BACKUP_URL, or say --without-backups", err)
	case errors.Is(err, lifecycle.ErrInvalidReason):
		return fmt.Errorf("%w: --reason: %w", errUsage, err)
	case errors.Is(err, lifecycle.ErrUnderWay), errors.Is(err, tenants.ErrUnknownTenant), errors.As(err, &state):
		return tenantError(err, subdomain)
	}
	return fmt.Errorf("%w; what is left is done by a server within a minute, or by: tenantry doctor --repair", err)
}

// Certificate writes a certificate for people.
func (o *Output) Certificate(c *lifecycle.Certificate) error {
	w := tabwriter.NewWriter(o.stdout, 0, 0, 2, ' ', 0)
	backups := c.Backups
	if backups == "" {
		backups = "none"
	}
	for _, line := range [][2]string{
		{"Erased", fmt.Sprintf("tenant %s (%s), id %s", c.Subdomain, c.Name, c.TenantID)}, {"At", c.ErasedAt.UTC().Format(time.RFC3339)}, {"By", c.By},
		{"Reason", c.Reason}, {"Operation", c.Operation}, {"Database", c.Database + " on server " + c.Server}, {"Backups", backups},
	} {
		fmt.Fprintf(w, "%s:\t%s\n", line[0], line[1])
	}
	w.Flush()
	list(o.stdout, "These objects can't be read any more (bytes, SHA-256)", len(c.Objects), func(i int) string {
		return fmt.Sprintf("%s  %d  %s", c.Objects[i].Key, c.Objects[i].Size, c.Objects[i].SHA256)
	})
	list(o.stdout, "Not erased, because they are other copies", len(c.Outside), func(i int) string { return c.Outside[i] })
	list(o.stdout, "To check", len(c.Checks), func(i int) string { return c.Checks[i] })
	return nil
}

func list(w io.Writer, title string, n int, line func(i int) string) {
	if n == 0 {
		return
	}
	fmt.Fprintln(w, title+":")
	for i := range n {
		fmt.Fprintln(w, "  "+line(i))
	}
}
