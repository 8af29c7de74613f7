package postgres

import "slices"

// Weights returns the weights of the open pools in order, for tests outside of the package.
func (e *Engine) Weights() (weights []int) {
	e.budget.mu.Lock()
	defer e.budget.mu.Unlock()
	for s := range e.budget.pools {
		weights = append(weights, s.weight)
	}
	slices.Sort(weights)
	return weights
}
