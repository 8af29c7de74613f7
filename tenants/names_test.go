package tenants

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/oklog/ulid/v2"
)

// TestOurNamesCantBeTaken: no tenant gets a subdomain that this program, its
// engines or its operators use for something else.
func TestOurNamesCantBeTaken(t *testing.T) {
	t.Parallel()
	id := strings.ToLower(ulid.Make().String())
	for _, name := range []string{
		PurgedSubdomain(id), UndoneSubdomain(id), "purged-", "purged-x", "purged-acme", "undone-x", "undone-" + id[:5],
		id, strings.ToUpper(id), "t_" + id, "trash_" + id, "trash-" + id + "!", "_tenantry", "_tenantry-challenge", "tenantry_template_x",
		id + ".db", "operator.token", "master.db", "t_acme", "_acme",
		"tenantry", "system", "operator", "www", "admin", "api", "app", "console", "root", "localhost", "mail", "static",
	} {
		if ValidateSubdomain(name) == nil {
			t.Errorf("a tenant can be called %q", name)
		}
	}
	for _, name := range []string{"purged", "undone", "unpurged-acme", "trash", "template", "t", "t-acme", "purgedacme", "seed"} {
		if err := ValidateSubdomain(name); err != nil {
			t.Errorf("no tenant can be called %q: %v", name, err)
		}
	}
}

// TestNoSubdomainIsAnID: an operator names a tenant by subdomain or id, and no
// name may be one tenant's subdomain and another's id.
func TestNoSubdomainIsAnID(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		var id ulid.ULID
		for i := range id {
			id[i] = byte(random.Uint32())
		}
		for _, name := range []string{strings.ToLower(id.String()), id.String()} {
			if ValidateSubdomain(name) == nil {
				t.Errorf("%s is a subdomain and an id", name)
			}
			if ValidateSubdomain(PurgedSubdomain(name)) == nil || ValidateSubdomain(UndoneSubdomain(name)) == nil {
				t.Errorf("%s can be given up under a name that another tenant has", name)
			}
		}
	}
}

// TestServedNamesStay: a tenant whose name was given away before the rule is
// served on.
func TestServedNamesStay(t *testing.T) {
	t.Parallel()
	domain, err := ParseBaseDomain("localhost")
	if err != nil {
		t.Fatal(err)
	}
	if _, served := domain.Subdomain("purged-acme.localhost"); !served {
		t.Error("a tenant of before that is called purged-acme isn't served any more")
	}
}
