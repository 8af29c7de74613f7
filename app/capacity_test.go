package app

import "testing"

// TestFilesAreSharedOut holds that what was shared out fits the limit, and that
// neither tenants nor clients starve.
func TestFilesAreSharedOut(t *testing.T) {
	t.Parallel()
	for _, sqlite := range []bool{true, false} {
		for limit := uint64(256); limit < 1<<21; limit += limit / 7 {
			for _, asked := range []int{0, 2, 50, 500, 2000} {
				c := shareFiles(limit, asked, sqlite)
				files := reservedFiles + spareClients + spareOperators + c.operators + c.clients
				if sqlite {
					files += c.tenants * handleFiles(c.readers)
				}
				if uint64(files) > limit && c.clients > leastClients {
					t.Errorf("%d files, %d tenants, sqlite %t: %+v take %d", limit, asked, sqlite, c, files)
				}
				if c.tenants < 2 || c.readers < 1 || c.readers > 4 || c.clients < leastClients || c.operators < leastOperators || c.addressShare() < 16 {
					t.Errorf("%d files, %d tenants, sqlite %t: %+v", limit, asked, sqlite, c)
				}
				if asked == 0 && uint64(files) > limit {
					t.Errorf("%d files, sqlite %t: %+v take %d", limit, sqlite, c, files)
				}
			}
		}
	}
}

func TestSharesOfUsualLimits(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		limit                     uint64
		asked                     int
		sqlite                    bool
		tenants, readers, clients int
	}{
		{0, 0, true, 2, 1, 64},
		{256, 0, true, 9, 2, 73},
		{1024, 0, true, 61, 2, 429},
		{20_000, 0, true, 1635, 2, 8192},
		{1 << 20, 0, true, 2000, 4, 8192},
		{1<<64 - 1, 0, true, 2000, 4, 8192},
		{1024, 1_000_000, true, 1_000_000, 1, 64},
		{4096, 500, true, 500, 1, 1236},
		{1024, 0, false, 2000, 4, 642},
		{20_000, 0, false, 2000, 4, 8192},
	} {
		c := shareFiles(test.limit, test.asked, test.sqlite)
		if c.tenants != test.tenants || c.readers != test.readers || c.clients != test.clients {
			t.Errorf("%+v: %+v", test, c)
		}
	}
}
