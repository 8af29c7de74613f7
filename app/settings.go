package app

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os/user"
	"strconv"
	"strings"
	"time"

	"tenantry/handlers/mail"
	"tenantry/handlers/operator"
	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/seal"
	"tenantry/tenants/sqlite"
	"tenantry/tenants/webhooks"
)

// settings are the validated values of a Config.
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
	limits        tenants.Limits           // of tenants without limits of their own
	limitNames    map[tenants.Limit]string // the environment's names of those that aren't the defaults
	minFree       int64                    // on the disk, as tenants.Options
	durability    sqlite.Durability
	proxies       []netip.Prefix
	origins       []string // whose pages may call the API
	instanceTTL   time.Duration
	masterAway    time.Duration
	backups       backupSettings
	filesURL      string // as bucket.Open; empty for a folder in the data folder
	maxFile       int64  // bytes
	by            lifecycle.Operator
	existing      bool // there must be an installation
	lazyMigrate   string
	mail          *mail.Server     // nil without a mail server
	webhooks      *webhooks.Target // nil for none
}

// validate reads every setting and reports all that are bad.
func (c Config) validate() (settings, error) {
	s := settings{dataDir: c.DataDir, existing: c.Existing}
	var bad []error
	for _, read := range []func(*settings) error{
		c.readDatabase, c.readDomain, c.readAddresses, c.readOpenTenants, c.readDurability, c.readProxies, c.checkLog,
		c.checkDataDir, c.readSecrets, c.readPublicURL, c.readOrigins, c.readInstanceTTL, c.readMasterAway, c.readBackups, c.readFiles, c.checkLazyMigrate, c.readBy, c.readLimits, c.readMinFree, c.readOperatorHosts, c.readMail, c.readWebhooks,
	} {
		bad = append(bad, read(&s))
	}
	return s, errors.Join(bad...)
}

func (c Config) checkDataDir(*settings) error {
	if c.DataDir == "" || strings.ContainsRune(c.DataDir, 0) {
		return &SettingError{"data-dir", c.DataDir, "the path of a folder"}
	}
	return nil
}

func (c Config) readDomain(s *settings) (err error) {
	if s.domain, err = tenants.ParseBaseDomain(c.BaseDomain); err != nil {
		return &SettingError{"base-domain", c.BaseDomain, "a lower-case host name without port, such as localhost or app.example.com"}
	}
	return nil
}

func (c Config) readAddresses(s *settings) error {
	s.addr, s.operator = c.Addr, c.OperatorAddr
	return errors.Join(checkAddress("addr", c.Addr), checkAddress("operator-addr", c.OperatorAddr))
}

// checkAddress checks a HOST:PORT to listen on; the host may be empty.
func checkAddress(flag, value string) error {
	host, port, err := net.SplitHostPort(value)
	if number, e := strconv.ParseUint(port, 10, 16); err != nil || e != nil || strconv.Itoa(int(number)) != port || strings.ContainsAny(host, "/ @") {
		return &SettingError{flag, value, "HOST:PORT with a port from 0 to 65535, such as 127.0.0.1:8080"}
	}
	return nil
}

const mostOpen = 1_000_000

// readOpenTenants divides the limit on open files. The master's setting must be
// read first.
func (c Config) readOpenTenants(s *settings) error {
	open, err := strconv.Atoi(c.MaxOpenTenants)
	if err != nil || open < 0 || open > mostOpen {
		return &SettingError{"max-open-tenants", c.MaxOpenTenants,
			fmt.Sprintf("a number from 1 to %d, or 0 for what the limit on open files allows", mostOpen)}
	}
	s.files = shareFiles(openFiles(), open, s.postgresURL == "")
	return nil
}

func (c Config) readDurability(s *settings) error {
	s.durability = sqlite.Durability(c.Durability)
	return oneOf("durability", c.Durability, string(sqlite.Full), string(sqlite.Normal))
}

func (c Config) readProxies(s *settings) error {
	for _, text := range c.TrustedProxies {
		proxy, err := netip.ParsePrefix(strings.TrimSpace(text))
		if err != nil || proxy != proxy.Masked() {
			return &SettingError{"trusted-proxies", text, "networks as CIDR with commas between, such as 10.0.0.0/8,fd00::/8; a single host is 10.1.2.3/32"}
		}
		if proxy.Addr().Is4In6() && proxy.Bits() >= 96 {
			proxy = netip.PrefixFrom(proxy.Addr().Unmap(), proxy.Bits()-96)
		}
		s.proxies = append(s.proxies, proxy)
	}
	return nil
}

// The least and the most that a process may be counted alive in silence. A
// heartbeat is a fifth of it.
const shortestTTL, longestTTL = 500 * time.Millisecond, 10 * time.Minute

func (c Config) readInstanceTTL(s *settings) error {
	ttl, err := time.ParseDuration(c.InstanceTTL)
	if err != nil || ttl < shortestTTL || ttl > longestTTL {
		return &SettingError{"instance-ttl", c.InstanceTTL, fmt.Sprintf("a duration from %v to %v, such as 15s", shortestTTL, longestTTL)}
	}
	s.instanceTTL = ttl
	return nil
}

// readMasterAway follows readInstanceTTL.
func (c Config) readMasterAway(s *settings) error {
	if c.MasterAway == "auto" {
		s.masterAway = 3 * s.instanceTTL
		return nil
	}
	away, err := time.ParseDuration(c.MasterAway)
	if err != nil || away < 0 || away > longestTTL {
		return &SettingError{"master-away", c.MasterAway, fmt.Sprintf("a duration up to %v, such as 45s, or auto", longestTTL)}
	}
	s.masterAway = away
	return nil
}

func (c Config) checkLazyMigrate(s *settings) error {
	s.lazyMigrate = c.LazyMigrate
	return oneOf("lazy-migrate", c.LazyMigrate, "auto", "on", "off")
}

// migratesLazily reports whether the first request migrates a tenant on a server
// of that dialect.
func (s settings) migratesLazily(dialect string) bool {
	return s.lazyMigrate == "on" || s.lazyMigrate == "auto" && dialect == sqlite.Dialect
}

// readBy reads the name that the ledger records.
func (c Config) readBy(s *settings) (err error) {
	if c.By == "" {
		s.by = systemUser()
		return nil
	}
	if s.by, err = operator.ParseName(c.By); err != nil {
		return &SettingError{"by", c.By, err.Error()}
	}
	return nil
}

func systemUser() lifecycle.Operator {
	if current, err := user.Current(); err == nil {
		if by, err := operator.ParseName(current.Username); err == nil {
			return by
		}
	}
	return "operator"
}

func (c Config) checkLog(*settings) error {
	return errors.Join(oneOf("log-format", c.LogFormat, "", "text", "json"), oneOf("log-level", c.LogLevel, "debug", "info", "warn", "error"))
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
