package handlers

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/account"
	"tenantry/handlers/problem"
	"tenantry/handlers/request"
	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/files"
	"tenantry/tenants/web"
)

// Uploads receives and sends the files of tasks, outside of scopes: they may be large, and clients slow.
type Uploads struct {
	Files    *files.Store
	Store    *tenants.Store
	Accounts *account.Accounts
}

// Upload is a file that was received.
type Upload struct {
	Name, Type string

	file *files.Staged
}

type uploadKey struct{}

// Received returns the file that Receive has received. It panics on a route without Receive.
func Received(c *gin.Context) *Upload { return c.MustGet(uploadKey{}).(*Upload) }

// Receive stores the file in the request's body before the scope begins, for Received. The file is the body, and the query's
// "name" is its name; or the body is multipart/form-data with one part, "file". It goes below Accounts.Present and above
// web.Scoped. The task in the path must be there. A file that the scope doesn't keep is removed.
func (u Uploads) Receive() gin.HandlerFunc {
	return func(c *gin.Context) {
		received, err := u.receive(c)
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

func (u Uploads) receive(c *gin.Context) (*Upload, error) {
	// Present lets requests without a body pass unchecked, and what follows tells what is there.
	if err := u.Accounts.Identify(c); err != nil {
		return nil, err
	}
	if err := request.CheckQuery(c, "name"); err != nil {
		return nil, err
	}
	if err := u.check(c); err != nil {
		return nil, err
	}
	t := web.From(c)
	received, content, err := openUpload(c)
	if err != nil {
		return nil, err
	}
	own := u.Store.Limits(t).Body
	received.file, err = u.Files.Stage(c.Request.Context(), t, content, own)
	if errors.Is(err, files.ErrTooLarge) && own > 0 && own < u.Files.MaxSize() {
		u.Store.CountRefusal(tenants.LimitBody)
		err = errors.Join(web.ErrTenantBody, err)
	}
	return received, err
}

// check refuses a request before its body is read, if the outcome is known by then.
func (u Uploads) check(c *gin.Context) error {
	if c.Request.ContentLength > u.Files.MaxSize()+maxPartHeader {
		return files.ErrTooLarge
	}
	t := web.From(c)
	return u.Store.View(c.Request.Context(), t, func(tx *gorm.DB) error {
		if err := tx.Select("id").Take(&models.Task{}, request.PathID(c)).Error; err != nil {
			return err
		}
		return u.Files.CheckUsage(tx, t, max(0, c.Request.ContentLength-maxPartHeader))
	})
}

// maxPartHeader is more than what a multipart body has around its file, in bytes.
const maxPartHeader = 64 << 10

// MaxUploadBody returns how much of a body routes with Receive read, in bytes.
func (u Uploads) MaxUploadBody() int64 { return u.Files.MaxSize() + maxPartHeader }

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

// onlyPart is the file of a form. Its end is that of the body.
type onlyPart struct {
	*multipart.Part
	parts *multipart.Reader
	rest  io.Reader // of the body
}

// Read refuses a form with another part.
func (p *onlyPart) Read(b []byte) (int, error) {
	n, err := p.Part.Read(b)
	if !errors.Is(err, io.EOF) {
		return n, err
	}
	if _, more := p.parts.NextPart(); more == nil {
		return n, problem.InvalidField("file", "must be the only part of the form")
	} else if !errors.Is(more, io.EOF) {
		return n, more
	}
	if _, more := io.Copy(io.Discard, p.rest); more != nil {
		return n, more
	}
	return n, err
}

// filePart returns the first part, which must be the file.
func filePart(c *gin.Context) (*onlyPart, error) {
	parts, err := c.Request.MultipartReader()
	if err != nil {
		return nil, errors.Join(web.ErrBodyUnreadable, err)
	}
	part, err := parts.NextPart()
	switch {
	case errors.Is(err, io.EOF), err == nil && part.FormName() != "file", err == nil && part.FileName() == "":
		return nil, problem.InvalidField("file", "is required, as the first part of the form, with a file name")
	case err != nil:
		return nil, web.BodyError(err)
	}
	return &onlyPart{part, parts, c.Request.Body}, nil
}

// bodyReader makes errors of reading a request's body those of package web.
type bodyReader struct{ r io.Reader }

// Read reads from the body.
func (b bodyReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, problem.ErrInvalid) {
		err = web.BodyError(err)
	}
	return n, err
}

// Send sends the file of an attachment for saving. It goes below Accounts.Identify, and its scope is over before the file is
// sent.
func (u Uploads) Send(c *gin.Context) error {
	t := web.From(c)
	var attachment models.Attachment
	err := u.Store.View(c.Request.Context(), t, func(tx *gorm.DB) error {
		return tx.Joins("File").Take(&attachment, "attachments.id = ?", request.PathID(c)).Error
	})
	if err != nil {
		return err
	}
	content, err := u.Files.Open(c.Request.Context(), t, *attachment.File)
	if err != nil {
		return err
	}
	defer content.Close()
	c.Header("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": attachment.Name}))
	c.Header("Content-Security-Policy", "default-src 'none'; sandbox")
	c.Header("X-Content-Type-Options", "nosniff")
	c.Header("Cache-Control", "private, no-store")
	c.DataFromReader(http.StatusOK, attachment.File.Size, sentAs(attachment.File.Type), content, nil) // its headers don't replace others
	return nil
}

// sentAs returns the media type with which a file is sent, which no browser runs.
func sentAs(mediaType string) string {
	switch mediaType {
	case "image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf", "application/zip", "text/plain", "text/csv", "application/json":
		return mediaType
	}
	return "application/octet-stream"
}
