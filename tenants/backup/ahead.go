package backup

import (
	"context"
	"errors"
	"io"
	"slices"

	"golang.org/x/sync/errgroup"
)

// part is some of the pages of a file.
type part struct {
	file        opened
	first, last bool // of the file's parts; the checksums of a file whose last part is there are right
	numbers     []uint32
	pages       []byte // one after another
}

const (
	// partSize is the size of a part's pages, in bytes.
	partSize = 1 << 20
	// partsAhead is how many parts are in memory.
	partsAhead = 4
)

// readAhead calls apply for each part of some files, one after another, while another goroutine reads and decodes what comes
// next. Errors that tell of a file's content are ErrDamaged.
func (b *Backups) readAhead(ctx context.Context, files []file, apply func(*part) error) error {
	group, ctx := errgroup.WithContext(ctx)
	read, free := make(chan *part, partsAhead), make(chan *part, partsAhead)
	for range partsAhead {
		free <- &part{}
	}
	group.Go(func() error {
		defer close(read)
		for _, f := range files {
			if err := b.readParts(ctx, f, free, read); err != nil {
				return err
			}
		}
		return nil
	})
	group.Go(func() error {
		for p := range read {
			if err := apply(p); err != nil {
				return damaged(p.file.file, err)
			}
			free <- p
		}
		return nil
	})
	return group.Wait()
}

// readParts sends the parts of a file.
func (b *Backups) readParts(ctx context.Context, f file, free <-chan *part, read chan<- *part) error {
	o, err := b.open(ctx, f)
	if err != nil {
		return err
	}
	defer o.body.Close()
	for first, last := true, false; !last; first = false {
		var p *part
		select {
		case p = <-free:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := p.fill(o); err != nil {
			return damaged(f, err)
		}
		p.first, last = first, p.last
		read <- p // which has room for all parts
	}
	return nil
}

// fill decodes pages of a file until the part is full. After the file's last page it compares the file's checksums.
func (p *part) fill(o opened) error {
	size := int(o.header.PageSize)
	p.file, p.last, p.numbers, p.pages = o, false, p.numbers[:0], p.pages[:0]
	for len(p.pages)+size <= partSize {
		end := len(p.pages)
		p.pages = slices.Grow(p.pages, size)[:end+size]
		number, err := o.decoder.Page(p.pages[end:])
		if errors.Is(err, io.EOF) {
			p.pages, p.last = p.pages[:end], true
			return o.decoder.Close()
		}
		if err != nil {
			return err
		}
		p.numbers = append(p.numbers, number)
	}
	return nil
}

// page returns the content of the page that is i-th in the part.
func (p *part) page(i int) []byte {
	size := int(p.file.header.PageSize)
	return p.pages[i*size : (i+1)*size]
}
