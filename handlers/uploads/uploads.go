// Package uploads receives and sends tenants' files. What a file belongs to, such as a task, is the application's.
//
//	uploads.go  receives files
//	send.go     sends them
package uploads

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/account"
	"tenantry/handlers/problem"
	"tenantry/handlers/request"
	"tenantry/tenants"
	"tenantry/tenants/files"
	"tenantry/tenants/text"
	"tenantry/tenants/web"
)

// Service receives and sends files outside of scopes: they may be large, and clients slow. It is safe for concurrent use.
type Service struct {
	Files    *files.Store
	Store    *tenants.Store
	Accounts *account.Accounts
}

// Upload is a file that was received.
type Upload struct {
	Name, Type string

	file *files.Staged
}

// Keep makes the file one of the tenant's, as files.Staged.Keep does, and returns its row.
func (u *Upload) Keep(tx *gorm.DB) (files.Row, error) { return u.file.Keep(tx, u.Type) }

type uploadKey struct{}

// Received returns the file that Receive has received. It panics on a route without Receive.
func Received(c *gin.Context) *Upload { return c.MustGet(uploadKey{}).(*Upload) }

// Receive stores the file in the request's body before the scope begins, for Received. The file is the body, and the query's
// "name" is its name; or the body is multipart/form-data with one part, "file". It goes below Accounts.Present and above
// web.Scoped. Before the body is read, mayReceive returns in a scope of its own why there can be no file, such as
// gorm.ErrRecordNotFound for what the path names. A file that the handler's scope doesn't keep is removed.
func (s Service) Receive(mayReceive func(c *gin.Context, tx *gorm.DB) error) gin.HandlerFunc {
	return func(c *gin.Context) {
		received, err := s.receive(c, mayReceive)
		if err != nil {
			problem.Fail(c, err)
			return
		}
		defer received.file.Discard(c.Request.Context())
		c.Request.Body, c.Request.ContentLength = http.NoBody, 0
		c.Set(uploadKey{}, received)
		c.Next()
	}
}

func (s Service) receive(c *gin.Context, mayReceive func(*gin.Context, *gorm.DB) error) (*Upload, error) {
	// Present lets requests without a body pass unchecked, and what follows tells what is there.
	if err := s.Accounts.Identify(c); err != nil {
		return nil, err
	}
	if err := request.CheckQuery(c, "name"); err != nil {
		return nil, err
	}
	if err := s.check(c, mayReceive); err != nil {
		return nil, err
	}
	t := web.From(c)
	received, content, err := openUpload(c)
	if err != nil {
		return nil, err
	}
	own := s.Store.Limits(t).Body
	received.file, err = s.Files.Stage(c.Request.Context(), t, content, own)
	if errors.Is(err, files.ErrTooLarge) && own > 0 && own < s.Files.MaxSize() {
		s.Store.CountRefusal(tenants.LimitBody)
		err = errors.Join(web.ErrTenantBody, err)
	}
	return received, err
}

// check refuses a request before its body is read, if the outcome is known by then.
func (s Service) check(c *gin.Context, mayReceive func(*gin.Context, *gorm.DB) error) error {
	if c.Request.ContentLength > s.Files.MaxSize()+maxPartHeader {
		return files.ErrTooLarge
	}
	t := web.From(c)
	return s.Store.View(c.Request.Context(), t, func(tx *gorm.DB) error {
		if err := mayReceive(c, tx); err != nil {
			return err
		}
		return s.Files.CheckUsage(tx, t, max(0, c.Request.ContentLength-maxPartHeader))
	})
}

// maxPartHeader is the most that a multipart body has around its file, in bytes.
const maxPartHeader = 64 << 10

// MaxUploadBody returns how much of a body routes with Receive read, in bytes.
func (s Service) MaxUploadBody() int64 { return s.Files.MaxSize() + maxPartHeader }

// openUpload returns the body's file, to be read to its end.
func openUpload(c *gin.Context) (*Upload, io.Reader, error) {
	name, mediaType, body := c.Query("name"), c.GetHeader("Content-Type"), io.Reader(bodyReader{c.Request.Body})
	if c.ContentType() == "multipart/form-data" {
		part, err := filePart(c)
		if err != nil {
			return nil, nil, err
		}
		name, mediaType, body = part.FileName(), part.Header.Get("Content-Type"), bodyReader{part}
	}
	base, fault := FileName(name)
	if fault != "" {
		return nil, nil, problem.InvalidField("name", fault)
	}
	mediaType, _, _ = mime.ParseMediaType(mediaType)
	return &Upload{Name: base, Type: mediaType}, body, nil
}

// form is a multipart body. Package mime/multipart holds up to 10 MB of a part's header in memory, and more while it reads them.
type form struct {
	io.ReadCloser
	room int64 // how much more may be read that isn't of the file
}

// Read refuses a form with too much around its file.
func (f *form) Read(b []byte) (int, error) {
	if f.room <= 0 {
		return 0, problem.InvalidField("file", fmt.Sprintf("must have less than %d bytes around it in the form", maxPartHeader))
	}
	n, err := f.ReadCloser.Read(b[:min(int64(len(b)), f.room)])
	f.room -= int64(n)
	return n, err
}

// onlyPart is the file of a form. Its end is that of the body.
type onlyPart struct {
	*multipart.Part
	parts *multipart.Reader
	form  *form
}

// Read refuses a form with another part.
func (p *onlyPart) Read(b []byte) (int, error) {
	n, err := p.Part.Read(b)
	p.form.room += int64(n)
	if !errors.Is(err, io.EOF) {
		return n, err
	}
	if _, more := p.parts.NextPart(); more == nil {
		return n, problem.InvalidField("file", "must be the only part of the form")
	} else if !errors.Is(more, io.EOF) {
		return n, more
	}
	if _, more := io.Copy(io.Discard, p.form); more != nil {
		return n, more
	}
	return n, err
}

// filePart returns the first part, which must be the file.
func filePart(c *gin.Context) (*onlyPart, error) {
	body := &form{c.Request.Body, maxPartHeader}
	c.Request.Body = body
	parts, err := c.Request.MultipartReader()
	if err != nil {
		return nil, errors.Join(web.ErrBodyUnreadable, err)
	}
	part, err := parts.NextPart()
	switch {
	case errors.Is(err, io.EOF), err == nil && part.FormName() != "file", err == nil && part.FileName() == "":
		return nil, problem.InvalidField("file", "is required, as the first part of the form, with a file name")
	case err != nil:
		return nil, bodyError(err)
	}
	return &onlyPart{part, parts, body}, nil
}

// bodyReader makes errors of reading a request's body those of package web.
type bodyReader struct{ r io.Reader }

// Read reads from the body.
func (b bodyReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = bodyError(err)
	}
	return n, err
}

// bodyError is web.BodyError for all errors but those of the form itself.
func bodyError(err error) error {
	if errors.Is(err, problem.ErrInvalid) {
		return err
	}
	return web.BodyError(err)
}

// maxFileName is the most that the name of a file has, in bytes. File systems take no longer ones.
const maxFileName = 255

// FileName returns the last part of a path as the name of a file, or what is wrong with it. No file is ever stored by it.
func FileName(path string) (name, fault string) {
	name = path[strings.LastIndexAny(path, `/\`)+1:]
	switch fault = text.Line(name, maxFileName); {
	case fault != "":
		return "", fault
	case len(name) > maxFileName:
		return "", fmt.Sprintf("must be at most %d bytes long", maxFileName)
	case strings.Trim(name, ". ") == "":
		return "", "must be the name of a file"
	}
	return name, ""
}
