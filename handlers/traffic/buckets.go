package traffic

import (
	"math/bits"
	"time"
)

// Requests are counted by how long they took, in buckets of which each second
// one begins at twice the time: under 256 µs, to 384, to 512, to 768 µs, and so
// on to half a minute.
const (
	buckets  = 36
	shortest = 256 // microseconds, a power of two
)

// bucketOf is the bucket of a duration.
func bucketOf(took time.Duration) int {
	us := uint64(max(0, took.Microseconds()))
	if us < shortest {
		return 0
	}
	length := bits.Len64(us)
	half := int(us>>(length-2)) & 1
	return min(buckets-1, 1+2*(length-bits.Len64(shortest))+half)
}

// begin is where a bucket begins.
func begin(bucket int) time.Duration {
	if bucket == 0 {
		return 0
	}
	octave, half := (bucket-1)/2, (bucket-1)%2
	return (shortest << octave) * time.Microsecond * time.Duration(2+half) / 2
}

// percentile is how long so many of a hundred took at most, by the buckets.
func percentile(took *[buckets]uint32, percent uint64) time.Duration {
	var all uint64
	for _, n := range took {
		all += uint64(n)
	}
	if all == 0 {
		return 0
	}
	rank := max(1, (all*percent+99)/100) // of the request that counts
	for i, n := range took {
		if uint64(n) < rank {
			rank -= uint64(n)
			continue
		}
		width := begin(i+1) - begin(i)
		return begin(i) + width*time.Duration(rank)/time.Duration(n)
	}
	return begin(buckets) // every request is in a bucket
}
