package models_test

import (
	"testing"

	"tenantry/models"
	"tenantry/tenants/tenantstest"
)

func TestSchema(t *testing.T) {
	t.Parallel()
	tenantstest.CheckSchema(t, models.Workspace(), tenantstest.SchemaOptions{})
}
