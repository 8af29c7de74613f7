package bucket

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"regexp"
	"syscall"

	"github.com/minio/minio-go/v7"
)

// explain says in place of the client's error what is wrong and what to do. It returns the context's cause if the
// context ended.
func (b *s3Bucket) explain(ctx context.Context, err error) error {
	var answer minio.ErrorResponse
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, errNoCredentials):
		return fmt.Errorf("%w: there are no credentials for S3: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE", ErrUnavailable)
	case errors.As(err, &answer) && (answer.StatusCode != 0 || meaning(answer.Code) != ""):
		return b.explainAnswer(answer)
	}
	return fmt.Errorf("%w: the S3 server at %s %s", ErrUnavailable, b.host(), silent(err))
}

// host is the server's, for people.
func (b *s3Bucket) host() string { return b.core.EndpointURL().Host }

// silent says why a request has no answer.
func silent(err error) string {
	var timeout net.Error
	var unknown *net.DNSError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &unknown):
		return "can't be found: its name isn't known here"
	case errors.As(err, &certificate):
		return "has a certificate that isn't trusted here"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refuses the connection"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "doesn't answer"
	}
	return "broke the connection"
}

// meaning says what operators can do about an answer, or nothing.
func meaning(code string) string {
	switch code {
	case minio.NoSuchBucket:
		return "there is no such S3 bucket: create it, or correct the URL"
	case minio.InvalidAccessKeyID, minio.SignatureDoesNotMatch, "InvalidToken", "XAdminUserNotFound":
		return "the credentials are refused: check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
	case "ExpiredToken":
		return "the credentials have expired: renew them"
	case minio.AccessDenied:
		return "the credentials don't allow it: let them list the bucket, and read, write and delete objects"
	case "PermanentRedirect", minio.AuthorizationHeaderMalformed, minio.InvalidRegion:
		return "the bucket is in another region: add region=… to the URL"
	case minio.RequestTimeTooSkewed:
		return "the clocks of this machine and of the server differ: set them"
	}
	return ""
}

var codePattern = regexp.MustCompile(`^[A-Za-z0-9]{1,60}$`)

func (b *s3Bucket) explainAnswer(answer minio.ErrorResponse) error {
	text := meaning(answer.Code)
	switch {
	case answer.Code == minio.NoSuchKey:
		return fs.ErrNotExist
	case answer.StatusCode == http.StatusInsufficientStorage, answer.Code == "QuotaExceeded", answer.Code == "XMinioStorageFull":
		return fmt.Errorf("%w: the S3 server at %s has no room left", ErrFull, b.host())
	case text != "":
		return fmt.Errorf("%w: S3 bucket %q: %s", ErrUnavailable, b.Bucket, text)
	case answer.StatusCode == http.StatusForbidden:
		return fmt.Errorf("%w: S3 bucket %q: %s", ErrUnavailable, b.Bucket, meaning(minio.AccessDenied))
	case !codePattern.MatchString(answer.Code):
		answer.Code = http.StatusText(answer.StatusCode)
	}
	return fmt.Errorf("%w: the S3 server at %s answered %d %s", ErrUnavailable, b.host(), answer.StatusCode, answer.Code)
}
