package webhooks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"tenantry/tenants/jobs"
)

// What is read of an answer, its header and the beginning of an error, and how much of a line is told.
const mostHeader, mostRead, mostLine = 16 << 10, 4 << 10, 200

// send makes one attempt to deliver a body. Errors name no part of the URL, which may have credentials anywhere.
func (s *Sender) send(ctx context.Context, id string, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.target.url, bytes.NewReader(body))
	if err != nil {
		return s.explain(err)
	}
	now := time.Now()
	request.Header = http.Header{
		"Content-Type": {"application/json"}, "User-Agent": {s.program},
		"Webhook-Id": {id}, "Webhook-Timestamp": {strconv.FormatInt(now.Unix(), 10)}, "Webhook-Signature": {s.target.sign(id, now, body)},
	}
	response, err := s.client.Do(request)
	if err != nil {
		return s.explain(err)
	}
	defer func() { _ = response.Body.Close() }()
	return s.judge(response)
}

// judge returns nil if an answer says that the delivery was taken. A receiver that is gone for good gets no further attempts.
func (s *Sender) judge(r *http.Response) error {
	if r.StatusCode/100 == 2 {
		return nil
	}
	err := fmt.Errorf("the receiver answered %s", strings.TrimSpace(fmt.Sprint(r.StatusCode, " ", http.StatusText(r.StatusCode))))
	if line := s.target.told(firstLine(r.Body)); line != "" {
		err = fmt.Errorf("%w: %s", err, line)
	}
	if r.StatusCode == http.StatusGone {
		return jobs.Discard(err)
	}
	return err
}

// firstLine returns the beginning of a body's first line. A body that comes slowly has what came in time.
func firstLine(body io.Reader) string {
	read, _ := io.ReadAll(io.LimitReader(body, mostRead)) // the answer's status has been read
	line, _, _ := strings.Cut(strings.TrimSpace(strings.ToValidUTF8(string(read), "")), "\n")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, line))
}

// explain returns what went wrong with a request.
func (s *Sender) explain(err error) error {
	var failed *url.Error
	if errors.As(err, &failed) {
		err = failed.Err
		if failed.Timeout() {
			return fmt.Errorf("the receiver didn't answer within %v", s.client.Timeout)
		}
	}
	return errors.New("the receiver can't be reached: " + s.target.told(err.Error()))
}
