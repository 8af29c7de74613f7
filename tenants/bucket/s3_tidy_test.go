package bucket_test

import (
	"slices"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"tenantry/tenants/bucket"
	"tenantry/tenants/tenantstest/s3server"
)

// TestTidyForgetsUnfinishedObjects leaves uploads in parts unfinished, as a process that dies does: those that were begun
// before the time are forgotten, and none of another prefix.
func TestTidyForgetsUnfinishedObjects(t *testing.T) {
	t.Parallel()
	server := s3server.Start(t)
	name := server.Bucket(t, false)
	b := openS3(t, bucket.S3{Endpoint: server.Endpoint, Bucket: name, Prefix: "mine"})
	core := minio.Core{Client: server.Client(t)}
	for _, key := range []string{"mine/acme/1", "mine/acme/2", "mineral/3"} {
		if _, err := core.NewMultipartUpload(t.Context(), name, key, minio.PutObjectOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	left := func(before time.Time, want ...string) {
		t.Helper()
		if err := b.(bucket.Tidier).Tidy(t.Context(), before); err != nil {
			t.Fatal(err)
		}
		var keys []string
		for upload := range core.ListIncompleteUploads(t.Context(), name, "", true) {
			if upload.Err != nil {
				t.Fatal(upload.Err)
			}
			keys = append(keys, upload.Key)
		}
		slices.Sort(keys)
		if !slices.Equal(keys, want) {
			t.Errorf("before %v: %q are left, want %q", before, keys, want)
		}
	}
	left(time.Now().Add(-time.Hour), "mine/acme/1", "mine/acme/2", "mineral/3")
	left(time.Now().Add(time.Hour), "mineral/3")
}
