package console

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/look"
	"tenantry/handlers/operator"
	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
)

// operationsPage lists operations on tenants.
type operationsPage struct {
	Filter        lifecycle.TypedOperationFilter
	Kinds, States []look.Option
	Rows          []operationRow
	First, Next   string
}

// shownOperations is the number of operations on a page.
const shownOperations = 50

// operations lists operations on tenants, newest first.
func (s *Console) operations(c *gin.Context) error {
	page := operationsPage{Filter: lifecycle.TypedOperationFilter{
		Tenant: strings.TrimSpace(c.Query("tenant")), Kind: c.Query("kind"), State: c.Query("state"), By: strings.TrimSpace(c.Query("by")),
		Since: c.Query("since"), Until: c.Query("until"), Unfinished: c.Query("unfinished"),
	}, Kinds: []look.Option{{Label: "Everything"}}, States: []look.Option{{Label: "Every state"}}}
	filter, err := s.o.Manager.ReadOperationFilter(c.Request.Context(), page.Filter)
	if err != nil {
		return err
	}
	for _, kind := range tenants.OperationKinds() {
		page.Kinds = append(page.Kinds, look.Option{Value: string(kind), Label: did(tenants.Operation{Kind: kind})})
	}
	for _, state := range tenants.OperationStates() {
		page.States = append(page.States, look.Option{Value: string(state), Label: string(state)})
	}
	after, err := operator.OperationsAfter(c)
	if err != nil {
		return err
	}
	found, next, err := s.o.Manager.Operations(c.Request.Context(), filter, after, shownOperations)
	if err != nil {
		return err
	}
	page.Rows = operationRows(found)
	if after != "" {
		page.First = page.link("")
	}
	if next != "" {
		page.Next = page.link(next)
	}
	s.show(c, http.StatusOK, "operations", "Operations", "/operations", page)
	return nil
}

// Unfinished reports whether the list is limited to unfinished operations.
func (p operationsPage) Unfinished() bool { return p.Filter.Unfinished == "true" }

// Narrowed reports whether the list is filtered.
func (p operationsPage) Narrowed() bool {
	return p.Filter != lifecycle.TypedOperationFilter{} && !p.Unfinished()
}

// link returns the path of a page of the same list.
func (p operationsPage) link(after string) string {
	f := p.Filter
	return linkTo("/operations", "tenant", f.Tenant, "kind", f.Kind, "state", f.State, "by", f.By, "since", f.Since, "until", f.Until,
		"unfinished", f.Unfinished, "after", after)
}

// operationRow is an operation in a list.
type operationRow struct {
	tenants.Operation
	// Did describes the operation.
	Did string
	// Took is the duration, or 0 if the operation is unfinished.
	Took time.Duration
}

func operationRows(all []tenants.Operation) []operationRow {
	rows := make([]operationRow, len(all))
	for i, o := range all {
		rows[i] = operationRow{Operation: o, Did: did(o)}
		if o.FinishedAt != nil {
			rows[i].Took = max(time.Microsecond, o.FinishedAt.Sub(o.StartedAt))
		}
	}
	return rows
}

// Unfinished reports whether the operation is unfinished.
func (r operationRow) Unfinished() bool { return r.FinishedAt == nil }

// did describes an operation. A kind that this program doesn't know is shown as in
// the ledger.
func did(o tenants.Operation) string {
	var params struct {
		To, Host, Name, Email, Message, Reason, Operator, Role string
		Limits                                                 map[tenants.Limit]string
		Settings                                               map[string]string
	}
	_ = json.Unmarshal([]byte(o.Params), &params) // the description works without them
	text := map[tenants.OperationKind]string{
		tenants.KindCreate: "Create", tenants.KindAdopt: "Adopt a database", tenants.KindSuspend: "Suspend",
		tenants.KindResume: "Resume",
		tenants.KindRename: "Rename", tenants.KindSetName: "Change the name", tenants.KindLimit: "Change the limits", tenants.KindArchive: "Archive", tenants.KindUnarchive: "Restore",
		tenants.KindRestore: "Restore from the trash",
		tenants.KindPurge:   "Purge", tenants.KindRemove: "Remove the data", tenants.KindDomainAdd: "Add a domain",
		tenants.KindDomainVerify: "Verify a domain", tenants.KindDomainRemove: "Remove a domain",
		tenants.KindReseal: "Seal the credentials again", tenants.KindMigrate: "Migrate", tenants.KindMigrateDown: "Undo migrations", tenants.KindRepair: "Repair",
		tenants.KindAdmin: "Set an admin's password", tenants.KindInvite: "Invite an admin", tenants.KindRelease: "Release a subdomain",
		tenants.KindMakeEmpty: "Make an empty database", tenants.KindCancel: "Cancel an operation",
		tenants.KindMaintenance: "Close for maintenance",
		tenants.KindExport:      "Export", tenants.KindClone: "Create as a clone", tenants.KindMove: "Move", tenants.KindVerify: "Try the backup",
		tenants.KindErase: "Erase", tenants.KindBackupKey: "Show the key of the backups",
		tenants.KindSwap: "Swap", tenants.KindSwapOther: "Swap", tenants.KindShell: "Open a shell",
		tenants.KindEnter: "Enter",
		tenants.KindSet:   "Change the settings", tenants.KindRevert: "Put back the copy from before a migration", tenants.KindRetry: "Retry jobs",
		tenants.KindOperatorAdd: "Add an operator", tenants.KindOperatorRole: "Change the role of an operator", tenants.KindOperatorToken: "Make a token of an operator",
		tenants.KindOperatorRevoke: "Revoke a token of an operator", tenants.KindOperatorRemove: "Remove an operator",
	}[o.Kind]
	if text == "" {
		text = string(o.Kind)
	}
	switch {
	case (o.Kind == tenants.KindRename || o.Kind == tenants.KindMove) && params.To != "":
		text += " to " + params.To
	case (o.Kind == tenants.KindSwap || o.Kind == tenants.KindSwapOther) && params.To != "":
		text += " with " + params.To
	case o.Kind == tenants.KindSetName && params.Name != "":
		text += " to " + params.Name
	case o.Kind == tenants.KindShell && params.To == "write":
		text += " that may write"
	case o.Kind == tenants.KindMaintenance && params.To == "off":
		text = "End maintenance"
	case o.Kind == tenants.KindMaintenance && params.Message != "":
		text += ": " + params.Message
	case o.Kind == tenants.KindLimit:
		text += limitsText(params.Limits)
	case o.Kind == tenants.KindSet:
		text += settingsText(params.Settings)
	case o.Kind == tenants.KindEnter && params.Email != "":
		text += " as " + params.Email
		if params.To == "write" {
			text += ", to write"
		}
		text += ": " + params.Reason
	case params.Operator != "":
		text = strings.Replace(text, "an operator", "operator "+params.Operator, 1)
		if params.Role != "" {
			text += map[bool]string{true: " as ", false: " to "}[o.Kind == tenants.KindOperatorAdd] + params.Role
		}
	case params.Email != "":
		text = strings.Replace(text, "an admin", params.Email, 1)
	case params.Host != "":
		text = strings.Replace(text, "a domain", params.Host, 1)
	}
	return text
}
