package postgres

import "strings"

// parseReason returns why pgx can't parse a URL, in our own words, because pgx's may quote a password.
func parseReason(err error) string {
	text := err.Error()
	text = text[strings.LastIndex(text, "`: ")+1:] // skip the URL
	for _, r := range [...]struct{ part, reason string }{
		{"percent-encoded token", "it has a % that two hexadecimal digits don't follow; write %25 for %"},
		{"%00", "it holds a NUL"},
		{"NUL byte", "it holds a NUL"},
		{"unexpected spaces", "it holds a space; write %20"},
		{"IPv6", "its IPv6 address isn't like [::1]"},
		{"unexpected character", "its IPv6 address isn't like [::1]"},
		{"key/value", "its options aren't like ?sslmode=require&connect_timeout=5"},
		{"could not match", "it has several ports, but not one for each host"},
		{"invalid port", "a port isn't a number from 1 to 65535"},
		{"sslmode", "sslmode is none of disable, allow, prefer, require, verify-ca and verify-full"},
		{"CA ", "the file that sslrootcert names can't be read, or holds no certificate"},
		{"certificate pool", "the system's certificates can't be read"},
		{"sslpassword", "sslkey is encrypted, and sslpassword is missing"},
		{"decrypt", "sslkey can't be decrypted with sslpassword"},
		{"sslcertmode", "sslcertmode is none of disable, allow and require"},
		{"sslkey", "the file that sslkey names can't be read, or sslcert is missing"},
		{" cert", "the file that sslcert names can't be read, or isn't the certificate of sslkey"},
		{"service file", "the service file can't be read"},
		{"find service", "the service file doesn't have the service"},
		{"connect_timeout", "connect_timeout isn't a number of seconds"},
		{"target_session_attrs", "target_session_attrs is none of any, read-write, read-only, primary, standby and prefer-standby"},
		{"protocol_version", "min_protocol_version and max_protocol_version aren't 3.0, 3.2 or latest, in this order"},
		{"channel_binding", "channel_binding is none of disable, prefer and require"},
		{"require_auth", "require_auth isn't a list of methods such as scram-sha-256"},
		{"cache_capacity", "a cache's capacity isn't a number"},
		{"exec_mode", "default_query_exec_mode is none of pgx' modes"},
	} {
		if strings.Contains(text, r.part) {
			return r.reason
		}
	}
	return "pgx can't read it"
}
