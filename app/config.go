package app

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"tenantry/handlers/operator"
	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/postgres"
	"tenantry/tenants/seal"
	"tenantry/tenants/sqlite"
)

// Config is what the process is told. Each setting is a flag, else the
// environment variable of the same name in capitals after TENANTRY_, else the
// default. An empty environment variable counts as none.
type Config struct {
	// DataDir holds generated secrets and, with a SQLite master, master.db,
	// tenants/ID.db and templates/. It is made 0700 where it is missing.
	DataDir string `default:"data" type:"file" placeholder:"DIR" help:"Folder of the databases and of generated secrets; made for its owner alone."`
	// DatabaseURL is the master database: sqlite:PATH, relative to DataDir, or
	// postgres://…. It also names the default server of new tenants: the
	// folder tenants/ beside that file, or that Postgres server.
	DatabaseURL string `default:"sqlite:master.db" type:"file" placeholder:"URL" help:"Master database, and where new tenants are placed: sqlite:PATH or postgres://…; with a password, give it in the environment."`
	// BaseDomain is the domain under which tenants have their subdomains.
	BaseDomain string `default:"localhost" placeholder:"DOMAIN" help:"Tenants are reached at SUBDOMAIN.DOMAIN."`
	// PublicURL is what people type to reach the base domain; empty is http, the
	// base domain, and the port of the public listener. Links are made of it,
	// and https means that browsers are told to stay there.
	PublicURL string `name:"public-url" placeholder:"URL" help:"What people type to reach the base domain, such as https://app.example.com; http and the listener's port by default."`
	// Addr is where tenants are served; port 0 takes a free one.
	Addr string `default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Public listener; port 0 takes a free one."`
	// OperatorAddr is where operators are served; port 0 takes a free one.
	OperatorAddr string `default:"127.0.0.1:8081" placeholder:"HOST:PORT" help:"Operator's listener; not for the public."`
	// OperatorHosts are more names by which the operator's listener is reached,
	// beside the host of OperatorAddr, localhost and its own addresses.
	OperatorHosts []string `placeholder:"HOST" help:"More host names by which the operator's listener is reached, such as behind a proxy; none by default."`
	// MaxOpenTenants bounds the tenants' databases open at once. 0 is what the
	// limit on open files allows, at most 2000.
	MaxOpenTenants string `default:"0" placeholder:"N" help:"Tenants' databases open at once; 0 is what the limit on open files allows, at most 2000."`
	// MaxTenantSize is what the database of one tenant may take; 0 is any size.
	MaxTenantSize string `default:"10GB" placeholder:"SIZE" help:"What one tenant's database may take, such as 500MB or 10GB; writes beyond get 507; 0 for any size."`
	// MinFreeSpace is what is kept free on the disk of the data folder; auto is 1
	// GiB or a twentieth of the disk, whichever is less.
	MinFreeSpace string `default:"auto" placeholder:"SIZE" help:"What is kept free on the disk of the data folder: writes get 507 before it is full; auto is 1 GiB or a twentieth of the disk, 0 is nothing."`
	// Durability is full or normal, for SQLite.
	Durability string `default:"full" placeholder:"full|normal" help:"What a commit to SQLite survives: power failure (full), or the end of the process (normal)."`
	// TrustedProxies are the networks whose X-Forwarded-For, X-Forwarded-Proto
	// and X-Request-ID count.
	TrustedProxies []string `placeholder:"CIDR" help:"Networks whose X-Forwarded-For, X-Forwarded-Proto and X-Request-ID count; none by default."`
	// CORSOrigins are the origins whose pages may use the API with a bearer
	// token. Cookies never go along.
	CORSOrigins []string `name:"cors-origins" placeholder:"ORIGIN" help:"Exact origins whose pages may call the API with a bearer token, such as https://tools.example.com; none by default."`
	// InstanceTTL is how long a process goes without a heartbeat in the master at
	// most.
	InstanceTTL string `name:"instance-ttl" default:"15s" placeholder:"DURATION" help:"How long a process goes without a heartbeat before it stops serving by itself. With Postgres, others take over its work 15 seconds later at the earliest."`
	// By names who runs a command; empty is the system's user.
	By string `placeholder:"NAME" help:"Who is named in the ledger of operations; the system's user by default."`
	// LogFormat is text or json; empty is text on a terminal, else json.
	LogFormat string `placeholder:"text|json" help:"Format of the log on standard error; text on a terminal, else json."`
	// LogLevel is debug, info, warn or error.
	LogLevel string `default:"info" placeholder:"LEVEL" help:"Least level that is logged: debug, info, warn or error."`

	Secrets `kong:"-"`

	// Existing refuses to make an installation where there is none.
	Existing bool `kong:"-"`
}

// settings are a Config's values, found good.
type settings struct {
	dataDir     string
	masterPath  string     // of a SQLite master, else empty
	postgresURL string     // of a Postgres master, else empty
	keys        *seal.Ring // nil to take the generated one
	token       string     // the operator's, empty to take the generated one
	domain      tenants.BaseDomain
	public      *url.URL // nil for the listener's own
	addr        string
	operator    string
	// operatorHosts are the names of the operator's listener.
	operatorHosts []string
	files         capacity
	maxSize       int64 // of a tenant's database, 0 for any
	minFree       int64 // on the disk, as tenants.Options
	durability    sqlite.Durability
	proxies       []netip.Prefix
	origins       []string // whose pages may call the API
	instanceTTL   time.Duration
	by            lifecycle.Operator
	existing      bool // there must be an installation
}

// SettingError is a setting that can't be used.
type SettingError struct {
	// Flag is the setting's name on the command line, without dashes.
	Flag string
	// Value is what it was set to; for a secret, what is wrong with it.
	Value string
	// Want says what would be right.
	Want string
}

// Error names the setting, its value, and what would be right.
func (e *SettingError) Error() string {
	if isSecret(e.Flag) {
		return fmt.Sprintf("%s %s: want %s", name(e.Flag), e.Value, e.Want)
	}
	return fmt.Sprintf("%s is %q: want %s", name(e.Flag), e.Value, e.Want)
}

// validate checks every setting and reports all that are bad.
func (c Config) validate() (settings, error) {
	s := settings{dataDir: c.DataDir, existing: c.Existing}
	var bad [20]error
	s.masterPath, s.postgresURL, bad[0] = c.database()
	s.domain, bad[1] = c.domain()
	s.addr, bad[2] = address("addr", c.Addr)
	s.operator, bad[3] = address("operator-addr", c.OperatorAddr)
	open, err := c.maxOpen()
	bad[4] = err
	s.files = shareFiles(openFiles(), open, s.postgresURL == "")
	s.durability, bad[5] = c.durability()
	s.proxies, bad[6] = c.proxies()
	bad[7] = oneOf("log-format", c.LogFormat, "", "text", "json")
	_, bad[8] = c.level()
	if c.DataDir == "" || strings.ContainsRune(c.DataDir, 0) {
		bad[9] = &SettingError{"data-dir", c.DataDir, "the path of a folder"}
	}
	s.keys, bad[10] = c.Secrets.keys(s.postgresURL != "")
	s.token, bad[11] = c.Secrets.token()
	bad[12] = c.Secrets.checkDemoPassword()
	s.public, bad[13] = c.publicURL(s.domain)
	s.origins, bad[14] = c.corsOrigins()
	s.instanceTTL, bad[15] = c.instanceTTL()
	s.by, bad[16] = c.operator()
	s.maxSize, bad[17] = size("max-tenant-size", c.MaxTenantSize)
	s.minFree, bad[18] = c.minFree()
	s.operatorHosts, bad[19] = c.operatorHosts()
	return s, errors.Join(bad[:]...)
}

// database is the master's path or URL.
func (c Config) database() (path, server string, err error) {
	scheme, rest, _ := strings.Cut(c.DatabaseURL, ":")
	switch scheme {
	case "sqlite":
		path, err = c.sqlitePath(rest)
		return path, "", err
	case "postgres", "postgresql":
		return "", c.DatabaseURL, postgresURLError(c.DatabaseURL, postgres.CheckURL(c.DatabaseURL))
	}
	return "", "", &SettingError{"database-url", redactURL(c.DatabaseURL), "sqlite:PATH or " + wantPostgresURL}
}

const wantPostgresURL = "postgres://USER:PASSWORD@HOST:PORT/DATABASE"

// postgresURLError makes a *postgres.URLError a *SettingError, and leaves other
// errors alone.
func postgresURLError(url string, err error) error {
	var bad *postgres.URLError
	if !errors.As(err, &bad) {
		return err
	}
	return &SettingError{"database-url", redactURL(url), wantPostgresURL + ", but " + bad.Reason}
}

func (c Config) sqlitePath(path string) (string, error) {
	if path == "" || strings.ContainsAny(path, "?#%\x00") || strings.HasPrefix(path, "//") || strings.HasPrefix(path, ":") || strings.HasSuffix(path, "/") || isCredential(path) {
		return "", &SettingError{"database-url", redactURL(c.DatabaseURL), "sqlite: and the path of a file, without options, such as sqlite:master.db"}
	}
	if filepath.IsAbs(path) {
		path = filepath.Clean(path)
		return path, checkLength("database-url", c.DatabaseURL, path)
	}
	path = filepath.Join(c.DataDir, path)
	return path, checkLength("data-dir", c.DataDir, path)
}

// longestFolder bounds the path of the master's folder, in bytes. SQLite opens
// files up to 511, and the longest below the folder are half-made ones of
// tenants with what lies beside them.
const longestFolder = 430

// checkLength refuses a master that is too far down for SQLite.
func checkLength(flag, value, master string) error {
	folder, err := filepath.Abs(filepath.Dir(master))
	if err != nil {
		return &SettingError{flag, value, "a path that can be made absolute"}
	}
	if real, err := filepath.EvalSymlinks(folder); err == nil {
		folder = real
	}
	if len(folder) > longestFolder {
		return &SettingError{flag, value, fmt.Sprintf("a folder whose whole path has at most %d bytes, since SQLite opens no longer ones", longestFolder)}
	}
	return nil
}

// isCredential reports whether a path looks like USER:PASSWORD@HOST, which is
// hardly a file's name.
func isCredential(path string) bool {
	before, _, ok := strings.Cut(path, "@")
	return ok && strings.Contains(before, ":")
}

func (c Config) domain() (tenants.BaseDomain, error) {
	domain, err := tenants.ParseBaseDomain(c.BaseDomain)
	if err != nil {
		return domain, &SettingError{"base-domain", c.BaseDomain, "a lower-case host name without port, such as localhost or app.example.com"}
	}
	return domain, nil
}

// address checks a HOST:PORT to listen on; the host may be empty.
func address(flag, value string) (string, error) {
	host, port, err := net.SplitHostPort(value)
	if number, e := strconv.ParseUint(port, 10, 16); err != nil || e != nil || strconv.Itoa(int(number)) != port || strings.ContainsAny(host, "/ @") {
		return "", &SettingError{flag, value, "HOST:PORT with a port from 0 to 65535, such as 127.0.0.1:8080"}
	}
	return value, nil
}

const mostOpen = 1_000_000

// maxOpen is how many tenants may be open at once, 0 for what files allow.
func (c Config) maxOpen() (int, error) {
	open, err := strconv.Atoi(c.MaxOpenTenants)
	if err != nil || open < 0 || open > mostOpen {
		return 0, &SettingError{"max-open-tenants", c.MaxOpenTenants,
			fmt.Sprintf("a number from 1 to %d, or 0 for what the limit on open files allows", mostOpen)}
	}
	return open, nil
}

func (c Config) durability() (sqlite.Durability, error) {
	durability := sqlite.Durability(c.Durability)
	return durability, oneOf("durability", c.Durability, string(sqlite.Full), string(sqlite.Normal))
}

func (c Config) proxies() ([]netip.Prefix, error) {
	var proxies []netip.Prefix
	for _, text := range c.TrustedProxies {
		proxy, err := netip.ParsePrefix(strings.TrimSpace(text))
		if err != nil || proxy != proxy.Masked() {
			return nil, &SettingError{"trusted-proxies", text, "networks as CIDR with commas between, such as 10.0.0.0/8,fd00::/8; a single host is 10.1.2.3/32"}
		}
		if proxy.Addr().Is4In6() && proxy.Bits() >= 96 {
			proxy = netip.PrefixFrom(proxy.Addr().Unmap(), proxy.Bits()-96)
		}
		proxies = append(proxies, proxy)
	}
	return proxies, nil
}

// The least and the most that a process may be counted alive in silence. A
// heartbeat is a fifth of it.
const shortestTTL, longestTTL = 500 * time.Millisecond, 10 * time.Minute

func (c Config) instanceTTL() (time.Duration, error) {
	ttl, err := time.ParseDuration(c.InstanceTTL)
	if err != nil || ttl < shortestTTL || ttl > longestTTL {
		return 0, &SettingError{"instance-ttl", c.InstanceTTL, fmt.Sprintf("a duration from %v to %v, such as 15s", shortestTTL, longestTTL)}
	}
	return ttl, nil
}

// operator is who is named in the ledger.
func (c Config) operator() (lifecycle.Operator, error) {
	if c.By == "" {
		return systemUser(), nil
	}
	by, err := operator.ParseName(c.By)
	if err != nil {
		return "", &SettingError{"by", c.By, err.Error()}
	}
	return by, nil
}

func systemUser() lifecycle.Operator {
	if current, err := user.Current(); err == nil {
		if by, err := operator.ParseName(current.Username); err == nil {
			return by
		}
	}
	return "operator"
}

func (c Config) level() (slog.Level, error) {
	var level slog.Level
	err := oneOf("log-level", c.LogLevel, "debug", "info", "warn", "error")
	if err == nil {
		err = level.UnmarshalText([]byte(c.LogLevel))
	}
	return level, err
}

// oneOf checks that value is one of the words. An empty word is allowed and
// not offered.
func oneOf(flag, value string, words ...string) error {
	var offer []string
	for _, word := range words {
		if value == word {
			return nil
		}
		if word != "" {
			offer = append(offer, word)
		}
	}
	return &SettingError{flag, value, strings.Join(offer, " or ")}
}

// name is how messages name a setting.
func name(flag string) string {
	if isSecret(flag) {
		return EnvName(flag)
	}
	return fmt.Sprintf("%s (--%s)", EnvName(flag), flag)
}

// EnvPrefix begins the environment variables that are settings.
const EnvPrefix = "TENANTRY_"

// EnvName is the environment variable of a setting's flag.
func EnvName(flag string) string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}
