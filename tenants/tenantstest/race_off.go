//go:build !race

package tenantstest

// raceDetector says whether the test program has the race detector, with which tests take several times as long.
const raceDetector = false
