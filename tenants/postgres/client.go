package postgres

import (
	"net/url"
	"strconv"
	"strings"

	"tenantry/tenants"
)

var _ tenants.Interactive = (*Engine)(nil)

// clientVariables are the options of a URL that say how to connect, with the variables from which libpq reads them.
var clientVariables = map[string]string{
	"sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT", "sslkey": "PGSSLKEY", "sslsni": "PGSSLSNI",
	"channel_binding": "PGCHANNELBINDING", "connect_timeout": "PGCONNECT_TIMEOUT", "target_session_attrs": "PGTARGETSESSIONATTRS",
}

// Client returns psql, which connects as the tenant's role.
func (e *Engine) Client(t *tenants.Tenant, write bool) (tenants.Client, error) {
	if _, err := databaseName(t); err != nil {
		return tenants.Client{}, err
	}
	login, err := e.layout.login(t)
	if err != nil {
		return tenants.Client{}, err
	}
	at := e.layout.at(login, t.Database)
	var hosts, ports []string
	for _, at := range hostsOf(login.ConnConfig) {
		hosts, ports = append(hosts, at.Host), append(ports, strconv.Itoa(int(at.Port)))
	}
	options := "-c search_path=" + at.schema()
	if role := login.RuntimeParams["role"]; role != "" && role != "none" {
		options += " -c role=" + role
	}
	if !write {
		options += " -c default_transaction_read_only=on"
	}
	env := []string{
		"PGHOST=" + strings.Join(hosts, ","), "PGPORT=" + strings.Join(ports, ","), "PGUSER=" + login.User, "PGPASSWORD=" + login.Password,
		"PGDATABASE=" + at.database, "PGOPTIONS=" + options, "PGAPPNAME=tenantry shell", "PGCLIENTENCODING=UTF8",
	}
	address, err := url.Parse(e.config.URL)
	if err != nil {
		return tenants.Client{}, &URLError{"it has no form that net/url knows"}
	}
	for option, variable := range clientVariables {
		if value := address.Query().Get(option); value != "" {
			env = append(env, variable+"="+value)
		}
	}
	return tenants.Client{Program: "psql", Env: env, Unset: []string{"PGSERVICE"}}, nil
}
