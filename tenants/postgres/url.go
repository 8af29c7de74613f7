package postgres

import (
	"context"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// URLError says why a Postgres URL can't be used.
type URLError struct {
	// Reason is a clause about the URL that shows no part of it.
	Reason string
}

// Error holds no part of the URL, any of which may be a password.
func (e *URLError) Error() string { return "the Postgres URL can't be used: " + e.Reason }

// CheckURL returns a *URLError for a URL with which no master or server can be
// opened. It connects to nothing.
func CheckURL(url string) error {
	_, err := parseURL(url)
	return err
}

// DescribeURL names the server and the database of a URL, for people.
func DescribeURL(url string) string {
	config, err := parseURL(url)
	if err != nil {
		return "an unknown server"
	}
	return addressOf(config) + ", database " + config.Database
}

// schema is where all tables are. Every connection says so, because the
// server's default prefers a schema that is called like the role.
const schema = "public"

// parseURL reads a URL as pgx does, or returns a *URLError. What a URL leaves
// out comes from libpq's environment variables and files.
func parseURL(url string) (*pgx.ConnConfig, error) {
	if reason := ambiguity(url); reason != "" {
		return nil, &URLError{reason}
	}
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, &URLError{parseReason(err)} // not wrapped: pgx' error holds the URL
	}
	if reason := faultOf(config); reason != "" {
		return nil, &URLError{reason}
	}
	if _, ok := config.RuntimeParams["application_name"]; !ok {
		config.RuntimeParams["application_name"] = "tenantry"
	}
	config.RuntimeParams["search_path"], config.RuntimeParams["client_encoding"] = schema, "UTF8"
	dial := config.DialFunc
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return lingering{conn}, nil
	}
	return config, nil
}

// ambiguity says why a person may have meant another password than pgx reads;
// it is empty where the password can be nothing else. pgx takes what follows
// the first @ for a host, unless a slash comes first.
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
		return "a user, password or option holds @, / or ? as it is; write %40, %2F or %3F there"
	}
	return ""
}

// faultOf says why a URL that pgx reads is refused; it is empty for a good one.
func faultOf(config *pgx.ConnConfig) string {
	if config.Database == "" {
		return "it names no database"
	}
	for _, at := range hostsOf(config) {
		if !strings.HasPrefix(at.Host, "/") && strings.ContainsFunc(at.Host, notOfHost) {
			return "a host has a character that no host's name has"
		}
	}
	if config.DefaultQueryExecMode == pgx.QueryExecModeSimpleProtocol {
		return "default_query_exec_mode is simple_protocol, which is not safe"
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

// notOfHost tells what is in no host's name or address.
func notOfHost(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-:%", r) || r > 0x7f)
}

// namesSearchPath reads command-line options as the server does, in which a
// hyphen stands for an underscore and a backslash for nothing.
func namesSearchPath(options string) bool {
	plain := strings.NewReplacer("-", "_", `\`, "").Replace(strings.ToLower(options))
	return strings.Contains(plain, "search_path")
}

// hostsOf is each host that the URL names, once.
func hostsOf(config *pgx.ConnConfig) []pgconn.FallbackConfig {
	hosts := []pgconn.FallbackConfig{{Host: config.Host, Port: config.Port}}
	for _, next := range config.Fallbacks { // pgx has each host with and without TLS
		if last := hosts[len(hosts)-1]; next.Host != last.Host || next.Port != last.Port {
			hosts = append(hosts, *next)
		}
	}
	return hosts
}
