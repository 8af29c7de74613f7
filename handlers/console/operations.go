package console

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"tenantry/models"
	"tenantry/tenants/lifecycle"
)

// operationsPage lists what was done.
type operationsPage struct {
	Unfinished  bool
	Rows        []operationRow
	First, Next string
}

// shownOperations is how many operations a page has.
const shownOperations = 50

// operations lists what was done to tenants, the newest first.
func (s *Console) operations(c *gin.Context) error {
	page := operationsPage{Unfinished: c.Query("unfinished") == "true"}
	after := c.Query("after")
	found, next, err := s.o.Manager.Operations(c.Request.Context(),
		lifecycle.OperationFilter{Unfinished: page.Unfinished}, after, shownOperations)
	if err != nil {
		return err
	}
	page.Rows = operationRows(found)
	query := url.Values{}
	if page.Unfinished {
		query.Set("unfinished", "true")
	}
	if after != "" {
		page.First = "/operations?" + query.Encode()
	}
	if next != "" {
		query.Set("after", next)
		page.Next = "/operations?" + query.Encode()
	}
	s.show(c, http.StatusOK, "operations", "Operations", "/operations", page)
	return nil
}

// operationRow is an operation as it is shown.
type operationRow struct {
	models.Operation
	// Did says what was done, in words.
	Did string
	// Took is how long; 0 while it isn't over.
	Took time.Duration
}

func operationRows(all []models.Operation) []operationRow {
	rows := make([]operationRow, len(all))
	for i, o := range all {
		rows[i] = operationRow{Operation: o, Did: did(o)}
		if o.FinishedAt != nil {
			rows[i].Took = max(time.Microsecond, o.FinishedAt.Sub(o.StartedAt))
		}
	}
	return rows
}

// Unfinished tells whether the operation is not over.
func (r operationRow) Unfinished() bool { return r.FinishedAt == nil }

// did is what an operation does, in words. What this program doesn't know is
// called what the ledger calls it.
func did(o models.Operation) string {
	var params struct{ To, Host, Name, Email string }
	_ = json.Unmarshal([]byte(o.Params), &params) // the words do without
	text := map[models.OperationKind]string{
		models.KindCreate: "Create", models.KindAdopt: "Adopt a database", models.KindSuspend: "Suspend",
		models.KindResume: "Resume",
		models.KindRename: "Rename", models.KindSetName: "Change the name", models.KindArchive: "Archive", models.KindUnarchive: "Restore",
		models.KindRestore: "Restore from the trash",
		models.KindPurge:   "Purge", models.KindRemove: "Remove the data", models.KindDomainAdd: "Add a domain",
		models.KindDomainVerify: "Verify a domain", models.KindDomainRemove: "Remove a domain",
		models.KindReseal: "Seal the credentials anew", models.KindMigrate: "Migrate", models.KindRepair: "Repair",
		models.KindAdmin: "Let an admin in", models.KindInvite: "Invite an admin",
	}[o.Kind]
	if text == "" {
		text = string(o.Kind)
	}
	switch {
	case o.Kind == models.KindRename && params.To != "":
		text += " to " + params.To
	case o.Kind == models.KindSetName && params.Name != "":
		text += " to " + params.Name
	case params.Email != "":
		text = strings.Replace(text, "an admin", params.Email, 1)
	case params.Host != "":
		text = strings.Replace(text, "a domain", params.Host, 1)
	}
	return text
}
