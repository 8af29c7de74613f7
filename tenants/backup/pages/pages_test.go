package pages_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/superfly/ltx"

	"tenantry/tenants/backup/pages"
)

// TestChecksum compares with package ltx.
func TestChecksum(t *testing.T) {
	t.Parallel()
	for size := range 300 {
		page, number := randomBytes(size), rand.Uint32()
		if got, want := pages.Checksum(number, page), ltx.ChecksumPage(number, page); got != want {
			t.Fatalf("%d bytes as page %d: %s, want %s", size, number, got, want)
		}
	}
}

// TestDecoder decodes what package ltx has encoded: snapshots and changes, of pages of each size.
func TestDecoder(t *testing.T) {
	t.Parallel()
	for size := uint32(512); size <= 65536; size *= 2 {
		for name, numbers := range map[string][]uint32{"all": {1, 2, 3, 4}, "some": {2, 4}, "none": nil} {
			content := encoded(t, size, numbers)
			if err := ltx.NewDecoder(bytes.NewReader(content)).Verify(); err != nil {
				t.Fatal(err)
			}
			got, err := decoded(content)
			if err != nil || len(got) != len(numbers) {
				t.Fatalf("%s pages of %d bytes: %v, %v", name, size, got, err)
			}
			for i, number := range numbers {
				if got[i] != number {
					t.Errorf("%s pages of %d bytes: %v, want %v", name, size, got, numbers)
				}
			}
		}
	}
}

// TestDamaged refuses each file of which a byte differs or is missing, or that is longer, except where package ltx accepts it,
// too: lz4 ignores some bits.
func TestDamaged(t *testing.T) {
	t.Parallel()
	content := encoded(t, 512, []uint32{1, 2, 3, 4})
	for i := range content {
		if _, err := decoded(content[:i]); err == nil {
			t.Errorf("%d bytes of %d are taken for a file", i, len(content))
		}
		damaged := bytes.Clone(content)
		damaged[i] ^= byte(1 + rand.N(255))
		if _, err := decoded(damaged); err == nil && ltx.NewDecoder(bytes.NewReader(damaged)).Verify() != nil {
			t.Errorf("byte %d of %d may differ", i, len(content))
		}
	}
	if _, err := decoded(append(bytes.Clone(content), 0)); err == nil {
		t.Error("a file may be longer")
	}
}

// TestReadErrors returns the errors of what is read as they are.
func TestReadErrors(t *testing.T) {
	t.Parallel()
	content := encoded(t, 512, []uint32{1, 2, 3, 4})
	failure := errors.New("connection lost")
	for i := range content {
		if _, err := decode(io.MultiReader(bytes.NewReader(content[:i]), failing{failure})); !errors.Is(err, failure) {
			t.Fatalf("after %d bytes: %v", i, err)
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func randomBytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return b
}

// encoded returns an LTX file with some pages of a database of four.
func encoded(t *testing.T, size uint32, numbers []uint32) []byte {
	t.Helper()
	var b bytes.Buffer
	encoder, err := ltx.NewEncoder(&b)
	if err != nil {
		t.Fatal(err)
	}
	header := ltx.Header{Version: ltx.Version, PageSize: size, Commit: 4, MinTXID: 2, MaxTXID: 2, PreApplyChecksum: ltx.ChecksumFlag | 1}
	sum := ltx.Checksum(5)
	if len(numbers) == 4 {
		header.MinTXID, header.PreApplyChecksum, sum = 1, 0, 0
	}
	if err := encoder.EncodeHeader(header); err != nil {
		t.Fatal(err)
	}
	for _, number := range numbers {
		page := append(randomBytes(int(size/2)), make([]byte, size/2)...)
		sum ^= ltx.ChecksumPage(number, page)
		if err := encoder.EncodePage(ltx.PageHeader{Pgno: number}, page); err != nil {
			t.Fatal(err)
		}
	}
	encoder.SetPostApplyChecksum(ltx.ChecksumFlag | sum)
	if err := encoder.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func decoded(content []byte) ([]uint32, error) { return decode(bytes.NewReader(content)) }

// decode returns the numbers of a file's pages.
func decode(r io.Reader) (numbers []uint32, err error) {
	d := pages.NewDecoder(r)
	header, err := d.Header()
	if err != nil {
		return nil, err
	}
	for page := make([]byte, header.PageSize); ; {
		number, err := d.Page(page)
		if errors.Is(err, io.EOF) {
			return numbers, d.Close()
		}
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, number)
	}
}
