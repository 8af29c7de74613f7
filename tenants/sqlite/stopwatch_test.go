package sqlite_test

import (
	"slices"
	"time"
)

// stopwatch keeps how long each of many runs took.
type stopwatch struct{ laps []time.Duration }

func (s *stopwatch) time(f func()) {
	begin := time.Now()
	f()
	s.laps = append(s.laps, time.Since(begin))
}

// median is in milliseconds.
func (s *stopwatch) median() float64 {
	slices.Sort(s.laps)
	return float64(s.laps[len(s.laps)/2].Microseconds()) / 1000
}
