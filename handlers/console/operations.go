package console

import (
	"encoding/json"
	"strings"
	"time"

	"tenantry/models"
)

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
	var params struct{ To, Host string }
	_ = json.Unmarshal([]byte(o.Params), &params) // the words do without
	text := map[models.OperationKind]string{
		models.KindCreate: "Create", models.KindAdopt: "Adopt a database", models.KindSuspend: "Suspend", models.KindResume: "Resume",
		models.KindRename: "Rename", models.KindArchive: "Archive", models.KindUnarchive: "Restore", models.KindRestore: "Restore from the trash",
		models.KindPurge: "Purge", models.KindRemove: "Remove the data", models.KindDomainAdd: "Add a domain",
		models.KindDomainVerify: "Verify a domain", models.KindDomainRemove: "Remove a domain", models.KindReseal: "Seal the credentials anew",
	}[o.Kind]
	if text == "" {
		text = string(o.Kind)
	}
	switch {
	case o.Kind == models.KindRename && params.To != "":
		text += " to " + params.To
	case params.Host != "":
		text = strings.Replace(text, "a domain", params.Host, 1)
	}
	return text
}
