package postgres

import (
	"context"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// URLError means that a Postgres URL can't be used.
type URLError struct {
	// Reason is a clause about the URL that shows no part of it.
	Reason string
}

// Error shows no part of the URL, any of which may be a password.
func (e *URLError) Error() string { return "the Postgres URL can't be used: " + e.Reason }

// CheckURL returns a *URLError if no master or server can be opened with the URL. It doesn't connect.
func CheckURL(url string) error {
	_, err := parseURL(url)
	return err
}

// DescribeURL returns the server and the database of a URL, for people.
func DescribeURL(url string) string {
	config, err := parseURL(url)
	if err != nil {
		return "an unknown server"
	}
	return addressOf(config.ConnConfig) + ", database " + config.Database
}

// SameDatabase reports whether two URLs name the same database on a host that both name, possibly among others.
func SameDatabase(url, other string) bool {
	one, err := parseURL(url)
	if err != nil {
		return false
	}
	another, err := parseURL(other)
	if err != nil || one.Database != another.Database {
		return false
	}
	for _, at := range hostsOf(one.ConnConfig) {
		for _, with := range hostsOf(another.ConnConfig) {
			if at.Host == with.Host && at.Port == with.Port {
				return true
			}
		}
	}
	return false
}

// schema contains all tables. Every connection sets it, because the server's default search path prefers a
// schema with the role's name.
const schema = "public"

// parseURL parses a URL as pgx does, or returns a *URLError. What the URL leaves out comes from libpq's
// environment variables and files.
func parseURL(url string) (*server, error) {
	if reason := ambiguity(url); reason != "" {
		return nil, &URLError{reason}
	}
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, &URLError{parseReason(err)} // not wrapped: pgx's error contains the URL
	}
	if reason := faultOf(config); reason != "" {
		return nil, &URLError{reason}
	}
	if _, ok := config.RuntimeParams["application_name"]; !ok {
		config.RuntimeParams["application_name"] = "tenantry"
	}
	config.RuntimeParams["search_path"], config.RuntimeParams["client_encoding"] = schema, "UTF8"
	if config.ValidateConnect == nil { // the URL has no target_session_attrs, or any
		config.ValidateConnect = refuseStandby
	}
	dialer := newDialer()
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return lingering{conn}, nil
	}
	return &server{config, &hosts{newest: map[string]uint32{}, watch: newWatch()}}, nil
}

// ambiguity returns why the author of a URL may have meant another password than pgx reads, or "" if the
// password is clear. pgx takes what follows the first @ for the host, unless there is a slash before it.
func ambiguity(url string) string {
	rest, ok := strings.CutPrefix(url, "postgres://")
	if !ok {
		rest, ok = strings.CutPrefix(url, "postgresql://")
	}
	if !ok {
		return "it doesn't begin with postgres://"
	}
	before, after, ok := strings.Cut(rest, "@")
	_, options, _ := strings.Cut(before, "?")
	if ok && (strings.Contains(before, "/") || strings.Contains(options, "=") || strings.Contains(after, "@")) {
		return "a user, password or option contains @, / or ? as it is; write %40, %2F or %3F there"
	}
	return ""
}

// faultOf returns why a URL that pgx can parse is refused, or "".
func faultOf(config *pgx.ConnConfig) string {
	if config.Database == "" {
		return "it names no database"
	}
	for _, at := range hostsOf(config) {
		if !strings.HasPrefix(at.Host, "/") && strings.ContainsFunc(at.Host, notOfHost) {
			return "a host contains a character that no host name has"
		}
	}
	if config.DefaultQueryExecMode == pgx.QueryExecModeSimpleProtocol {
		return "default_query_exec_mode is simple_protocol, which is not safe"
	}
	if wantsStandby(config.ValidateConnect) {
		return "target_session_attrs asks for a standby, which refuses writes; leave it out, or write read-write"
	}
	for name, value := range config.RuntimeParams {
		switch {
		case strings.EqualFold(name, "search_path") && strings.TrimSpace(value) != schema,
			name == "options" && namesSearchPath(value):
			return "it sets search_path, and Tenantry's tables are in the schema public"
		case strings.EqualFold(name, "search_path"), strings.EqualFold(name, "client_encoding"):
			delete(config.RuntimeParams, name) // parseURL sets them
		}
	}
	return ""
}

// notOfHost reports whether a character can't be in a host name or address.
func notOfHost(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-:%", r) || r > 0x7f)
}

// namesSearchPath reports whether command-line options set search_path. It reads them as the server does: a
// hyphen stands for an underscore, and a backslash is ignored.
func namesSearchPath(options string) bool {
	plain := strings.NewReplacer("-", "_", `\`, "").Replace(strings.ToLower(options))
	return strings.Contains(plain, "search_path")
}

// hostsOf returns each host that the URL names, once.
func hostsOf(config *pgx.ConnConfig) []pgconn.FallbackConfig {
	hosts := []pgconn.FallbackConfig{{Host: config.Host, Port: config.Port}}
	for _, next := range config.Fallbacks { // pgx has each host with and without TLS
		if last := hosts[len(hosts)-1]; next.Host != last.Host || next.Port != last.Port {
			hosts = append(hosts, *next)
		}
	}
	return hosts
}

// hostByHost returns a copy of the config for each host that it names, with that host alone.
func hostByHost(config *pgx.ConnConfig) []*pgx.ConnConfig {
	first := config.Copy()
	first.Fallbacks = nil
	configs := []*pgx.ConnConfig{first}
	for _, next := range config.Fallbacks {
		last := configs[len(configs)-1]
		if next.Host == last.Host && next.Port == last.Port { // the same host, with or without TLS
			last.Fallbacks = append(last.Fallbacks, next)
			continue
		}
		other := config.Copy()
		other.Host, other.Port, other.TLSConfig, other.Fallbacks = next.Host, next.Port, next.TLSConfig, nil
		configs = append(configs, other)
	}
	return configs
}
