package webhooks_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// verify returns nil if a request comes from the holder of the secret, and isn't an old one.
func verify(secret string, header http.Header, body []byte, now time.Time) error {
	id, sent := header.Get("webhook-id"), header.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(sent, 10, 64)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > 5*time.Minute {
		return fmt.Errorf("webhook-timestamp is %q", sent)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + sent + "." + string(body)))
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	for _, signature := range strings.Fields(header.Get("webhook-signature")) {
		if hmac.Equal([]byte(signature), []byte(want)) {
			return nil
		}
	}
	return errors.New("no webhook-signature is right")
}

// TestVerify: what the manual advises, and the tests verify with, is right about the example of the specification's libraries.
func TestVerify(t *testing.T) {
	t.Parallel()
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	header, body, at := http.Header{}, `{"test": 2432232314}`, time.Unix(1614265330, 0)
	header.Set("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek")
	header.Set("webhook-timestamp", "1614265330")
	header.Set("webhook-signature", "v1,x v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
	if err := verify(secret, header, []byte(body), at); err != nil {
		t.Error(err)
	}
	if verify(secret, header, []byte(body+" "), at) == nil || verify(secret, header, []byte(body), at.Add(time.Hour)) == nil {
		t.Error("another body has the signature, or an old request is taken")
	}
	chapter, err := os.ReadFile("../../app/command/help/webhooks.md")
	must(t, err)
	own, err := os.ReadFile("verify_test.go")
	must(t, err)
	_, rest, _ := strings.Cut(string(own), "\n// verify returns")
	function, _, _ := strings.Cut(rest, "\n// TestVerify")
	if !strings.Contains(string(chapter), "// verify returns"+strings.TrimRight(function, "\n")) {
		t.Error("the manual has another function")
	}
}
