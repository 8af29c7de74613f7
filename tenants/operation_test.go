package tenants_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"

	"tenantry/tenants"
)

// TestOperationKinds: OperationKinds lists every constant of operation.go, in
// their order. Filters refuse what it doesn't list.
func TestOperationKinds(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "operation.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var declared []tenants.OperationKind
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "OperationKind" {
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			declared = append(declared, tenants.OperationKind(value))
		}
		return true
	})
	if got := tenants.OperationKinds(); len(declared) == 0 || !slices.Equal(got, declared) {
		t.Errorf("OperationKinds lists %q, declared are %q", got, declared)
	}
}
