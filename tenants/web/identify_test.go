package web_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/gin-gonic/gin"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/web"
)

// served sends a request to routes at /at/:tenant and /, and returns the subdomain of the tenant that is served, or what
// was raised.
func served(t *testing.T, env *tenantstest.Env, o web.Options, change func(r *http.Request)) (subdomain string, raised error) {
	t.Helper()
	domain, err := tenants.ParseBaseDomain("localhost")
	if err != nil {
		t.Fatal(err)
	}
	o.Domain, o.Render = domain, func(c *gin.Context, err error) { raised = err; c.Status(599) }
	router := gin.New()
	resolve := web.New(env.Store, o).Resolve()
	show := func(c *gin.Context) { c.String(http.StatusOK, web.From(c).Subdomain) }
	router.GET("/at/:tenant/", resolve, show)
	router.GET("/", resolve, show)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.Host, r.RemoteAddr = "globex.localhost", "10.0.0.7:4711"
	change(r)
	recorder := httptest.NewRecorder()
	router.ServeHTTP(recorder, r)
	return recorder.Body.String(), raised
}

// TestIdentify: each way of naming a tenant finds it by that alone, and what a client may not choose finds none.
func TestIdentify(t *testing.T) {
	t.Parallel()
	path := func(path string) func(*http.Request) { return func(r *http.Request) { r.URL.Path = path } }
	header := func(peer string, values ...string) func(*http.Request) {
		return func(r *http.Request) {
			r.RemoteAddr = peer
			r.Header["X-Tenant"] = values
		}
	}
	claim := func(c *gin.Context) (string, bool) {
		return "acme", c.Request.Header.Get("Authorization") == "verified"
	}
	byParam, byHeader := web.ByParam("tenant"), web.ByHeader("X-Tenant", netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8"))
	tests := map[string]struct {
		identify web.Identify
		change   func(*http.Request)
		want     string // empty for no tenant
	}{
		"host":                              {nil, path("/at/acme/"), "globex"},
		"host, and a header":                {nil, header("10.0.0.7:1", "acme"), "globex"},
		"path":                              {byParam, path("/at/acme/"), "acme"},
		"path of no tenant":                 {byParam, path("/at/nobody/"), ""},
		"path with another spelling":        {byParam, path("/at/ACME/"), ""},
		"path with a host":                  {byParam, path("/at/acme.localhost/"), ""},
		"path with bytes":                   {byParam, path("/at/acme\x00/"), ""},
		"no such part of the path":          {byParam, path("/"), ""},
		"header":                            {byHeader, header("10.0.0.7:1", "acme"), "acme"},
		"header over IPv6":                  {byHeader, header("[fd00::1%eth0]:1", "acme"), "acme"},
		"header over IPv4 in IPv6":          {byHeader, header("[::ffff:10.0.0.7]:1", "acme"), "acme"},
		"header of a stranger":              {byHeader, header("192.0.2.1:1", "acme"), ""},
		"header of no address":              {byHeader, header("@", "acme"), ""},
		"header twice":                      {byHeader, header("10.0.0.7:1", "acme", "globex"), ""},
		"header with a list":                {byHeader, header("10.0.0.7:1", "acme, globex"), ""},
		"header that is empty":              {byHeader, header("10.0.0.7:1", ""), ""},
		"no header":                         {byHeader, header("10.0.0.7:1"), ""},
		"header without gateways":           {web.ByHeader("X-Tenant"), header("10.0.0.7:1", "acme"), ""},
		"claim":                             {claim, func(r *http.Request) { r.Header.Set("Authorization", "verified") }, "acme"},
		"no claim":                          {claim, path("/"), ""},
		"name that can be no tenant's":      {func(*gin.Context) (string, bool) { return "' OR 1=1 --", true }, path("/"), ""},
		"own host, which only ByHost knows": {func(*gin.Context) (string, bool) { return "work.acme.example", true }, path("/"), ""},
	}
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		env.Tenant(t, "acme")
		env.Tenant(t, "globex")
		for what, test := range tests {
			got, err := served(t, env, web.Options{Identify: test.identify}, test.change)
			if got != test.want || errors.Is(err, tenants.ErrUnknownTenant) != (test.want == "") {
				t.Errorf("%s: %q, %v; want %q", what, got, err, test.want)
			}
		}
	})
}

// TestFound: the hooks are called with what was found, can refuse a tenant, and can answer in place of an error.
func TestFound(t *testing.T) {
	t.Parallel()
	errNotToday := errors.New("not today")
	var got []string
	found := func(_ *gin.Context, t *tenants.Tenant) error {
		got = append(got, t.Subdomain)
		if t.Subdomain == "acme" {
			return errNotToday
		}
		return nil
	}
	notFound := func(c *gin.Context, err error) error {
		if c.Request.URL.Path != "/" {
			return errors.Join(errNotToday, err)
		}
		c.String(http.StatusNotFound, "ask for an account")
		return nil
	}
	env := tenantstest.New(t, tenantstest.Options{})
	env.Tenant(t, "acme")
	env.Tenant(t, "globex")
	for host, want := range map[string]string{
		"globex.localhost": "globex", "acme.localhost": "", "nobody.localhost": "ask for an account",
	} {
		text, err := served(t, env, web.Options{Found: found, NotFound: notFound}, func(r *http.Request) { r.Host = host })
		if text != want || errors.Is(err, errNotToday) != (want == "") {
			t.Errorf("%s: %q, %v", host, text, err)
		}
	}
	if len(got) != 2 {
		t.Errorf("found %q", got)
	}
	_, err := served(t, env, web.Options{NotFound: notFound}, func(r *http.Request) { r.Host, r.URL.Path = "nobody.localhost", "/at/x/" })
	if !errors.Is(err, errNotToday) || !errors.Is(err, tenants.ErrUnknownTenant) {
		t.Errorf("error %v", err)
	}
}
