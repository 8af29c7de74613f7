package tenants

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

func TestPartsAddUp(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		limit  int
		wanted []int
		want   []int
	}{
		{82, []int{0}, []int{78}},
		{82, []int{500}, []int{78}},
		{16, []int{0, 0}, []int{7, 7}},
		{16, []int{100, 0}, []int{12, 2}},
		{16, []int{30, 10}, []int{9, 5}},
		{3, []int{9, 9}, []int{1, 2}},
		{2, []int{1, 1, 1}, []int{1, 1, 0}},
		{1, []int{7}, []int{1}},
	} {
		var shares []ConnectionShare
		for i, wanted := range c.wanted {
			shares = append(shares, ConnectionShare{InstanceID: fmt.Sprint(i), Wanted: wanted})
		}
		for i := range shares {
			if got := partOf(shares[i].InstanceID, shares, c.limit); got != c.want[i] {
				t.Errorf("%d connections, wanted %v: process %d has %d, want %d", c.limit, c.wanted, i, got, c.want[i])
			}
		}
	}
}

// TestNeverMoreThanTheLimit has processes come, go, and want more or less at random. Those that give up
// connections close them late. All that they may use is never more than the limit.
func TestNeverMoreThanTheLimit(t *testing.T) {
	t.Parallel()
	const limit = 20
	random := rand.New(rand.NewPCG(1, 2))
	var shares []ConnectionShare // in the master
	for step := range 10_000 {
		i := random.IntN(len(shares) + 1)
		switch {
		case i == len(shares) && i < 6:
			shares = append(shares, ConnectionShare{InstanceID: fmt.Sprintf("%06d", step)})
		case i == len(shares) || random.IntN(50) == 0:
			i = random.IntN(len(shares))
			shares = append(shares[:i], shares[i+1:]...)
			continue
		}
		own := &shares[i]
		own.Wanted = random.IntN(40)
		may := limitOf(*own, shares, limit)
		if may < own.Granted { // some of them are in use
			may += random.IntN(own.Granted - may + 1)
		}
		own.Granted = may
		sum := 0
		for _, s := range shares {
			sum += s.Granted
		}
		if sum > limit {
			t.Fatalf("step %d: %d connections: %v", step, sum, shares)
		}
	}
}
