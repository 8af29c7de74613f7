package postgres

import (
	"context"
	"errors"
	"fmt"

	"tenantry/tenants"
)

var _ tenants.Separator = (*Engine)(nil)

// Gaps lists what could lead out of tenants' schemas. There is none if each tenant has a database.
func (e *Engine) Gaps(ctx context.Context) (found []tenants.Gap, err error) {
	s, ok := e.layout.(*schemas)
	if !ok {
		return nil, nil
	}
	open, err := s.openDoors(ctx)
	held, failed := s.heldPowers(ctx)
	for _, err := range []error{s.expectClosed(doorsOpen, open, err), s.expectClosed(powersHeld, held, failed)} {
		var gap *tenants.GapError
		if errors.As(err, &gap) {
			found = append(found, gap.Gap)
		} else if err != nil {
			return nil, fmt.Errorf("find gaps between schemas: %w", translate(err))
		}
	}
	return found, nil
}
