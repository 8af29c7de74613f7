package postgres

import "slices"

// Weights returns the weights of the open handles' pools in order, for tests outside of the package.
func (e *Engine) Weights() (weights []int) {
	b := e.layout.queue()
	b.mu.Lock()
	defer b.mu.Unlock()
	for s := range b.pools {
		weights = append(weights, s.weight)
	}
	slices.Sort(weights)
	return weights
}
