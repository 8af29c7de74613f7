package console_test

import (
	"testing"

	"tenantry/handlers/console"
	"tenantry/tenants"
)

// TestEveryKindHasWords: the console says what each kind of operation is, and
// shows no name of the ledger's.
func TestEveryKindHasWords(t *testing.T) {
	t.Parallel()
	for _, kind := range tenants.OperationKinds() {
		if words := console.Did(tenants.Operation{Kind: kind}); words == string(kind) {
			t.Errorf("no words for operations of the kind %s", kind)
		}
	}
}
