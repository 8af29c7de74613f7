package traffic

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// Requests are counted in buckets by their duration. The bounds double at every
// second bucket: 256, 384, 512, 768 µs, and so on up to half a minute.
const (
	buckets  = 36
	shortest = 256 // microseconds, a power of two
)

// bucketOf returns the bucket of a duration.
func bucketOf(took time.Duration) int {
	us := uint64(max(0, took.Microseconds()))
	if us < shortest {
		return 0
	}
	length := bits.Len64(us)
	half := int(us>>(length-2)) & 1
	return min(buckets-1, 1+2*(length-bits.Len64(shortest))+half)
}

// begin returns the lower bound of a bucket.
func begin(bucket int) time.Duration {
	if bucket == 0 {
		return 0
	}
	octave, half := (bucket-1)/2, (bucket-1)%2
	return (shortest << octave) * time.Microsecond * time.Duration(2+half) / 2
}

// percentile estimates a percentile of the durations that were counted in the
// buckets.
func percentile(took *[buckets]uint32, percent uint64) time.Duration {
	var all uint64
	for _, n := range took {
		all += uint64(n)
	}
	if all == 0 {
		return 0
	}
	rank := max(1, (all*percent+99)/100) // of the request at the percentile
	for i, n := range took {
		if uint64(n) < rank {
			rank -= uint64(n)
			continue
		}
		width := begin(i+1) - begin(i)
		return begin(i) + width*time.Duration(rank)/time.Duration(n)
	}
	return begin(buckets) // not reached: every request is in a bucket
}

// textOf writes the numbers of requests by bucket, as in "7:12 8:3".
func textOf(took *[buckets]uint32) string {
	var text []byte
	for bucket, n := range took {
		if n > 0 {
			text = fmt.Appendf(text, "%d:%d ", bucket, n)
		}
	}
	return strings.TrimSpace(string(text))
}

// parseTook reads what textOf wrote. It ignores what it can't read, which another
// version may have written.
func parseTook(text string) (took [buckets]uint32) {
	for part := range strings.FieldsSeq(text) {
		left, right, _ := strings.Cut(part, ":")
		bucket, wrong := strconv.Atoi(left)
		n, err := strconv.ParseUint(right, 10, 32)
		if wrong == nil && err == nil && bucket >= 0 && bucket < buckets {
			took[bucket] += uint32(n)
		}
	}
	return took
}
