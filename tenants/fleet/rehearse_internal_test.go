package fleet

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestMarkChoosesTheRisky has 40 tenants, of which one is the largest, one the oldest, and eight have failed.
func TestMarkChoosesTheRisky(t *testing.T) {
	t.Parallel()
	choose := func(seed uint64) map[string][]int {
		all := make([]candidate, 40)
		for i := range all {
			all[i] = candidate{target: target{Subdomain: fmt.Sprint(i), SchemaVersion: 3, Failed: i >= 20 && i < 28}, bytes: 100}
		}
		all[7].bytes, all[9].SchemaVersion = 200, 2
		mark(all, rand.New(rand.NewPCG(seed, 0)))
		chosen := map[string][]int{}
		for i, c := range all {
			for _, reason := range c.reasons {
				chosen[reason] = append(chosen[reason], i)
			}
		}
		return chosen
	}
	one, again, other := choose(1), choose(1), choose(2)
	if !slices.Equal(one["the largest"], []int{7}) || !slices.Equal(one["the oldest schema"], []int{9}) ||
		!slices.Equal(one["failed last"], []int{20, 21, 22, 23, 24}) || len(one["random"]) != 3 {
		t.Errorf("chosen: %v", one)
	}
	if !slices.Equal(one["random"], again["random"]) || slices.Equal(one["random"], other["random"]) {
		t.Errorf("the seed 1 chose %v and %v, the seed 2 %v", one["random"], again["random"], other["random"])
	}
}
