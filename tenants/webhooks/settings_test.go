package webhooks_test

import (
	"errors"
	"strings"
	"testing"

	"tenantry/tenants/webhooks"
)

func TestParseTarget(t *testing.T) {
	t.Parallel()
	long := "whsec_" + strings.Repeat("AAAA", 22) // 66 bytes
	for _, test := range []struct {
		url, secret string
		want        []error
	}{
		{"https://hooks.example/x?y=z", secret, nil},
		{"https://user:hunter2@hooks.example", secret, nil},
		{"http://localhost:9000", secret, nil},
		{"http://127.0.0.1/x", secret, nil},
		{"http://[::1]:9000/x", secret, nil},
		{"http://hooks.example/x", secret, []error{webhooks.ErrURL}},
		{"http://localhost.hooks.example/x", secret, []error{webhooks.ErrURL}},
		{"http://10.0.0.1/x", secret, []error{webhooks.ErrURL}},
		{"ftp://127.0.0.1/x", secret, []error{webhooks.ErrURL}},
		{"https:///x", secret, []error{webhooks.ErrURL}},
		{"https://hooks.example:99999/x", secret, []error{webhooks.ErrURL}},
		{"https://hooks.example/x ", secret, []error{webhooks.ErrURL}},
		{"https://hooks.example/#x", secret, []error{webhooks.ErrURL}},
		{"https://hooks.example", "C2FVsBQIhrscChlQIMV+b5sSYspob7oD", []error{webhooks.ErrSecret}},
		{"https://hooks.example", "whsec_c2hvcnQ=", []error{webhooks.ErrSecret}},
		{"https://hooks.example", "whsec_!", []error{webhooks.ErrSecret}},
		{"https://hooks.example", long, []error{webhooks.ErrSecret}},
		{"", "", []error{webhooks.ErrURL, webhooks.ErrSecret}},
	} {
		_, err := webhooks.ParseTarget(test.url, test.secret)
		for _, each := range []error{webhooks.ErrURL, webhooks.ErrSecret} {
			wanted := false
			for _, want := range test.want {
				wanted = wanted || want == each
			}
			if errors.Is(err, each) != wanted {
				t.Errorf("%s, %s: %v, want %v", test.url, test.secret, err, test.want)
			}
		}
	}
}
