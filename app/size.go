package app

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"tenantry/tenants"
)

// size reads a number of bytes with a unit, such as 500MB or 10GiB. 0 needs none.
func size(flag, text string) (int64, error) {
	digits := strings.TrimRight(text, "kKMGTiB")
	n, err := strconv.ParseInt(digits, 10, 64)
	unit, known := map[string]int64{
		"": 1, "B": 1, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
		"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
	}[text[len(digits):]]
	if err != nil || !known || n < 0 || n > math.MaxInt64/unit/2 {
		return 0, &SettingError{flag, text, "a size such as 500MB, 10GB or 10GiB, or 0 for no bound"}
	}
	return n * unit, nil
}

func (c Config) minFree() (int64, error) {
	if c.MinFreeSpace == "auto" {
		return tenants.AutoFree, nil
	}
	least, err := size("min-free-space", c.MinFreeSpace)
	if err != nil {
		return 0, &SettingError{"min-free-space", c.MinFreeSpace, "auto, a size such as 500MB or 10GB, or 0 to keep nothing free"}
	}
	return least, nil
}

func (c Config) readSizes(s *settings) error {
	var large, free error
	s.maxSize, large = size("max-tenant-size", c.MaxTenantSize)
	s.minFree, free = c.minFree()
	return errors.Join(large, free)
}
