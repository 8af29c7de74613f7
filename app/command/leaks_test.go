package command

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/seal"
)

// TestNoSecretIsLogged lets people and operators do what they do, rightly and
// wrongly, with everything logged, and searches what was written for each
// secret that was used or received.
func TestNoSecretIsLogged(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		scene := newScene(t, s)
		scene.create()
		scene.srv = scene.site.serve(t)
		scene.signIn()
		scene.useTokens()
		scene.invite()
		scene.changePassword()
		scene.sendNonsense()
		scene.operate()
		scene.breakTenant()
		scene.srv.stop(t)
		scene.outputs["the server's log"] = scene.srv.log.String()
		scene.fail()
		scene.search()
	})
}

// scene is an installation, the secrets that were used there, and what was
// written where no secret belongs.
type scene struct {
	t       *testing.T
	site    site
	srv     *server
	secrets map[string]string // by what they are
	outputs map[string]string // by where they were written

	session, apiToken, link string
}

func newScene(t *testing.T, s site) *scene {
	t.Helper()
	x := &scene{t: t, secrets: map[string]string{}, outputs: map[string]string{}}
	x.site = s.with("TENANTRY_LOG_LEVEL=debug")
	for _, entry := range s.environ {
		if value, ok := strings.CutPrefix(entry, "TENANTRY_DATABASE_URL="); ok {
			x.site = x.site.with("TENANTRY_DATABASE_URL=" + x.withPassword(value))
		}
	}
	key := x.secret("the secret key", seal.GenerateKey())
	old := x.secret("the old secret key", seal.GenerateKey())
	x.site = x.site.with("TENANTRY_SECRET_KEY=" + key + "," + old)
	x.site = x.site.with("TENANTRY_OPERATOR_TOKEN=" + x.secret("the operator's token", "sesame/sesame+sesame/sesame+sesame=="))
	return x
}

// withPassword is a database's URL with a password, which a server that trusts
// everybody doesn't look at.
func (x *scene) withPassword(text string) string {
	x.t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		x.t.Fatal(err)
	}
	known, ok := u.User.Password()
	if !ok {
		known = "pass/of the@database"
		u.User = url.UserPassword(u.User.Username(), known)
	}
	x.secret("the database's password", known)
	return u.String()
}

// secret remembers a secret. Short ones would be found everywhere.
func (x *scene) secret(what, value string) string {
	x.t.Helper()
	if len(value) < 8 {
		x.t.Fatalf("%s is %q", what, value)
	}
	x.secrets[what] = value
	return value
}

// run runs a command. Its standard output is returned, for results may hold
// secrets; nothing else may.
func (x *scene) run(stdin string, args ...string) string {
	x.t.Helper()
	r := x.site.pipe(x.t, stdin, append(args, "--log-format=text")...)
	x.outputs["standard error of "+args[0]+" "+args[1]+fmt.Sprint(len(x.outputs))] = r.stderr
	return r.stdout
}

// ask sends JSON to acme with header lines.
func (x *scene) ask(lines, method, path, body string) reply {
	x.t.Helper()
	return x.srv.as(x.t, lines, method, "acme", path, body)
}

// member is a text in a reply of JSON, a secret.
func (x *scene) member(what string, r reply, path ...string) string {
	x.t.Helper()
	var value any
	if err := json.Unmarshal([]byte(r.body), &value); err != nil {
		x.t.Fatalf("%s: %d %s", what, r.status, r.body)
	}
	for _, name := range path {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	text, _ := value.(string)
	return x.secret(what, text)
}

func (x *scene) create() {
	x.secret("the admin's password", "admin's p4ssword: ä/ö+ü")
	x.outputs["creation with a password"] = x.run(x.secrets["the admin's password"]+"\n",
		"tenant", "create", "acme", "--admin-email=ada@acme.example", "--admin-password-stdin")
	x.run(x.secret("a short password", "password!"), "tenant", "create", "hooli", "--admin-email=ada@acme.example", "--admin-password-stdin")
	out := x.run("", "tenant", "create", "globex", "--admin-email=vera@globex.example", "--json")
	x.link = x.member("the first admin's link", reply{body: out}, "invitation", "url")
	x.secret("the first admin's invitation", x.link[strings.Index(x.link, "=")+1:])
	x.rolePasswords()
}

// rolePasswords are the passwords with which the engine connects to tenants.
func (x *scene) rolePasswords() {
	a := x.site.open(x.t)
	var rows []tenants.Tenant
	if err := a.Store().Master().View(x.t.Context(), func(tx *gorm.DB) error { return tx.Find(&rows).Error }); err != nil {
		x.t.Fatal(err)
	}
	for _, row := range rows {
		if len(row.Credentials) == 0 {
			continue
		}
		opened, err := x.site.keys(x.t).Open(row.ID, row.Credentials)
		if err != nil {
			x.t.Fatal(err)
		}
		x.secret("the role's password of "+row.Subdomain, string(opened))
	}
}

func (x *scene) signIn() {
	signIn := func(email, password string) reply {
		return x.ask("", "POST", "/api/session", fmt.Sprintf(`{"email":%q,"password":%q}`, email, password))
	}
	r := signIn("ada@acme.example", x.secrets["the admin's password"])
	x.session = "Authorization: Bearer " + x.member("a session", r, "token") + "\r\n"
	if r := signIn("ada@acme.example", x.secret("a wrong password", "wrong p4ssword")); r.status != http.StatusUnauthorized {
		x.t.Errorf("%d %s", r.status, r.body)
	}
	signIn("nobody@acme.example", x.secret("a password of nobody", "nobody's p4ssword"))
	signIn(x.secret("an address that is none", "typed the p4ssword here"), "…")
	x.ask("", "POST", "/api/session", `{"email":"ada@acme.example","password":"`+x.secret("a password in broken JSON", "unfinished p4ssword"))
	x.ask("", "POST", "/api/session", `{"email":"ada@acme.example","password":["`+x.secret("a password in a list", "listed p4ssword")+`"]}`)
	x.ask("", "POST", "/api/session", `{"email":"ada@acme.example","`+x.secret("a password as a member", "member p4ssword")+`":1}`)
}

func (x *scene) useTokens() {
	r := x.ask(x.session, "POST", "/api/tokens", fmt.Sprintf(`{"name":"robot","password":%q}`, x.secrets["the admin's password"]))
	x.ask(x.session, "POST", "/api/tokens", fmt.Sprintf(`{"name":"robot","password":%q}`, x.secret("a wrong confirmation", "wrong confirmed p4ssword")))
	x.apiToken = "Authorization: Bearer " + x.member("an API token", r, "token") + "\r\n"
	foreign, revoked := x.secret("a forged token", "tntt_"+strings.Repeat("forged", 7)+"A"), x.secrets["an API token"]
	for _, lines := range []string{
		x.apiToken, "Authorization: Bearer " + foreign + "\r\n", "Authorization: Basic " + foreign + "\r\n",
		"Cookie: session=" + x.secrets["a session"] + "\r\n", "Cookie: session=" + foreign + "; session=" + revoked + "\r\n",
		x.apiToken + x.session,
	} {
		x.ask(lines, "GET", "/api/me", "")
		x.ask(lines, "GET", "/api/me?token="+revoked, "")
		x.srv.as(x.t, lines, "GET", "globex", "/api/me", "")
		x.srv.as(x.t, lines, "GET", "nobody", "/api/me", "")
		x.ask(lines+"Sec-Fetch-Site: same-site\r\n", "POST", "/api/projects", `{"name":"x"}`)
	}
	x.ask(x.session, "DELETE", "/api/tokens/1", "")
	x.ask(x.apiToken, "GET", "/api/me", "")
}

func (x *scene) invite() {
	r := x.ask(x.session, "POST", "/api/users", fmt.Sprintf(`{"email":"ben@acme.example","name":"Ben","password":%q}`, x.secrets["the admin's password"]))
	link := x.member("Ben's link", r, "invitation", "url")
	token := x.secret("Ben's invitation", link[strings.Index(link, "=")+1:])
	x.ask("", "GET", "/invitation?token="+token, "")
	x.ask("", "GET", "/invitation?token="+token+"x", "")
	accept := func(password string) reply {
		return x.ask("", "POST", "/api/invitation", fmt.Sprintf(`{"token":%q,"password":%q}`, token, password))
	}
	accept(x.secret("a password that is too long", strings.Repeat("too long p4ssword", 100)))
	accept("short")
	x.member("Ben's session", accept(x.secret("Ben's password", "Ben's p4ssword")), "token")
	accept(x.secret("a password for a used invitation", "late p4ssword"))
	x.srv.as(x.t, "", "POST", "globex", "/api/invitation", fmt.Sprintf(`{"token":%q,"password":"hunter2hunter2"}`, token))
	x.secret("a password at another tenant", "hunter2hunter2")
}

func (x *scene) changePassword() {
	change := func(old, next string) reply {
		return x.ask(x.session, "POST", "/api/me/password", fmt.Sprintf(`{"current_password":%q,"new_password":%q}`, old, next))
	}
	change(x.secrets["a wrong password"], x.secret("a password that is not taken", "not taken p4ssword"))
	if r := change(x.secrets["the admin's password"], x.secret("the new password", "new p4ssword: ä/ö+ü")); r.status != http.StatusNoContent {
		x.t.Errorf("%d %s", r.status, r.body)
	}
}

func (x *scene) sendNonsense() {
	body := x.secret("a body", "what nobody else should read")
	x.ask(x.session, "POST", "/api/projects", `{"name":"`+body+`"}`)
	x.ask(x.session, "POST", "/api/projects", `{"name":"`+body)
	x.ask(x.session, "POST", "/api/projects", `{"name":"x","description":"`+body+strings.Repeat("x", 20_000)+`"}`)
	x.ask(x.session, "POST", "/api/users", `{"email":"`+body+`","name":"x","role":"`+body+`"}`)
	x.ask(x.session, "POST", "/api/users", `{"email":"ben@acme.example","name":"`+body+`"}`)
	x.ask(x.session, "GET", "/api/projects?after="+url.QueryEscape(body), "")
}

func (x *scene) operate() {
	token := x.secrets["the operator's token"]
	ask := func(token, body string) reply {
		lines := strings.Replace(head("POST", "", "/api/tenants", len(body)), ".localhost", "localhost", 1) + "Authorization: Bearer " + token + "\r\nConnection: close\r\n\r\n"
		return send(x.t, x.srv.operator, lines+body)
	}
	made := ask(token, `{"subdomain":"initech","admin_email":"ivy@initech.example"}`)
	x.member("the operator's link", made, "invitation", "url")
	ask(x.secret("a wrong operator's token", "sesame/sesame+sesame/sesame+pears!=="), `{}`)
	ask(token, `{"subdomain":"`+x.secret("the token as a subdomain", token[:30])+`"}`)
	ask(token, `{"password":"`+x.secrets["the admin's password"])
	x.rolePasswords()
	x.run("", "doctor", "--repair")
}

// breakTenant asks for a tenant whose database is gone.
func (x *scene) breakTenant() {
	x.run("", "tenant", "create", "umbrella")
	x.site.drop(x.t, "umbrella")
	if r := x.srv.as(x.t, x.session, "GET", "umbrella", "/api/projects", ""); r.status < 500 {
		x.t.Errorf("%d %s", r.status, r.body)
	}
	x.run("", "migrate", "up")
}

// fail runs commands that can't work.
func (x *scene) fail() {
	x.run("", "doctor", "--secret-key="+x.secrets["the secret key"])
	x.run("", "tenant", "create", "hooli", "--admin-password="+x.secrets["the admin's password"])
	good := x.site
	x.site = good.with("TENANTRY_DATABASE_URL=postgres://tenantry:" + url.QueryEscape(x.secret("another database's password", "pass of another")) + "@127.0.0.1:1/tenantry")
	x.run("", "tenant", "list")
	x.site = good.with("TENANTRY_OPERATOR_TOKEN=" + x.secret("a bad operator's token", "too short a token"))
	x.run("", "tenant", "list")
	x.site = good.with("TENANTRY_SECRET_KEY=" + x.secret("a bad key", "bm90IDMyIGJ5dGVz"))
	x.run("", "tenant", "list")
	x.site = good
}

// search looks for each secret in each spelling.
func (x *scene) search() {
	x.t.Helper()
	for where, text := range x.outputs {
		for what, secret := range x.secrets {
			for _, spelling := range spellings(secret) {
				if strings.Contains(text, spelling) {
					at := strings.Index(text, spelling)
					x.t.Errorf("%s is in %s: …%.200s", what, where, text[max(0, at-100):])
					break
				}
			}
		}
		if strings.Contains(text, "$argon2id$") {
			x.t.Errorf("a password's hash is in %s", where)
		}
	}
	if log := x.outputs["the server's log"]; len(regexp.MustCompile(`"msg":"request"`).FindAllString(log, -1)) < 50 {
		x.t.Errorf("the log is not what was meant to be searched: %s", log)
	}
	x.searchMaster()
}

// searchMaster looks for them in the master's file.
func (x *scene) searchMaster() {
	x.t.Helper()
	for _, name := range []string{"master.db", "master.db-wal"} {
		content, err := os.ReadFile(filepath.Join(x.site.dir, name))
		if err != nil {
			continue // on Postgres, and without a log
		}
		for what, secret := range x.secrets {
			if strings.Contains(string(content), secret) {
				x.t.Errorf("%s is in %s", what, name)
			}
		}
	}
}

// spellings are the ways in which a secret may be written down.
func spellings(secret string) []string {
	quoted, _ := json.Marshal(secret)
	all := []string{
		secret, string(quoted[1 : len(quoted)-1]), strings.Trim(fmt.Sprintf("%+q", secret), `"`),
		url.QueryEscape(secret), url.PathEscape(secret), hex.EncodeToString([]byte(secret)),
	}
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		all = append(all, encoding.EncodeToString([]byte(secret)))
	}
	return all
}
