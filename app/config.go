package app

import (
	"fmt"
	"reflect"
	"strings"
)

// Config is the configuration of the process. Each setting is a flag, else the
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
	// PublicURL is the URL at which people reach the base domain. Defaults to
	// http, the base domain, and the port of the public listener. Links are
	// made from it; with https, browsers are told to use only https.
	PublicURL string `name:"public-url" placeholder:"URL" help:"What people type to reach the base domain, such as https://app.example.com; http and the listener's port by default."`
	// Addr is the address of the public listener, which serves tenants; port 0
	// takes a free port.
	Addr string `default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Public listener; port 0 takes a free one."`
	// OperatorAddr is the address of the operator's listener; port 0 takes a
	// free port.
	OperatorAddr string `default:"127.0.0.1:8081" placeholder:"HOST:PORT" help:"Operator's listener; not for the public."`
	// OperatorHosts are additional host names of the operator's listener,
	// beside the host of OperatorAddr, localhost and its own addresses.
	OperatorHosts []string `placeholder:"HOST" help:"More host names by which the operator's listener is reached, such as behind a proxy; none by default."`
	// MaxOpenTenants bounds the tenants' databases open at once. 0 is what the
	// limit on open files allows, at most 2000.
	MaxOpenTenants string `default:"0" placeholder:"N" help:"Tenants' databases open at once; 0 is what the limit on open files allows, at most 2000."`
	// MaxTenantSize is the largest size of one tenant's database, unless the tenant
	// has a limit of its own; 0 means no limit.
	MaxTenantSize string `default:"10GB" placeholder:"SIZE" help:"What one tenant's database may take, such as 500MB or 10GB; writes beyond get 507; 0 for any size."`
	// MaxTenantRequests, MaxTenantConcurrency, MaxTenantStatementTime and
	// MaxTenantBody are the limits of tenants without limits of their own; 0 means
	// no limit.
	MaxTenantRequests      string `default:"0" placeholder:"N/s" help:"Requests that one tenant may send in a second, shared by the processes that serve, such as 100/s; further ones get 429; 0 for any number."`
	MaxTenantConcurrency   string `default:"0" placeholder:"N" help:"Requests of one tenant that are served at once, shared by the processes that serve; further ones get 429; 0 for any number."`
	MaxTenantStatementTime string `default:"0" placeholder:"DURATION" help:"What one SQL statement of a tenant may take, such as 5s; a longer one is cancelled; 0 for any time."`
	MaxTenantBody          string `default:"0" placeholder:"SIZE" help:"What the body of one request to a tenant may take, such as 500kB; a larger one gets 413; 0 for the limit of each route."`
	// MaxTenantFiles is what the files of a tenant without a limit of its own may take together; 0 means no limit.
	MaxTenantFiles string `default:"10GB" placeholder:"SIZE" help:"What the files of one tenant may take together, such as 500MB or 10GB; further ones get 507; 0 for any size."`
	// MaxFileSize is the largest size of one file.
	MaxFileSize string `default:"100MB" placeholder:"SIZE" help:"What one file of a tenant may take, such as 25MB; a larger one gets 413."`
	// FilesURL is where tenants' files are stored: file:///DIR, or s3://BUCKET/PREFIX with credentials from the environment.
	// Defaults to the folder files in DataDir.
	FilesURL string `name:"files-url" type:"file" placeholder:"URL" help:"Where tenants' files are stored: file:///FOLDER or s3://BUCKET/PREFIX?endpoint=https://HOST&region=REGION, with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; the folder files in the data folder by default."`
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
	// InstanceTTL is the longest time that a process may go without a heartbeat
	// in the master.
	InstanceTTL string `name:"instance-ttl" default:"15s" placeholder:"DURATION" help:"How long a process goes without a heartbeat before it stops serving by itself. With Postgres, others take over its work 15 seconds later at the earliest."`
	// MasterAway is how long tenants are served without the master.
	MasterAway string `name:"master-away" default:"auto" placeholder:"DURATION" help:"How long tenants whose databases are open are served while the master doesn't answer; auto is three times the instance TTL. With Postgres, changes of tenants wait for a third longer, and 15 seconds, for a process that died on another machine."`
	// BackupURL is where backups are stored: file:///DIR, or s3://BUCKET/PREFIX with credentials from the environment.
	// There are none if it is empty.
	BackupURL string `name:"backup-url" type:"file" placeholder:"URL" help:"Where backups are stored: file:///FOLDER or s3://BUCKET/PREFIX?endpoint=https://HOST&region=REGION, with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; none by default."`
	// BackupInterval is the age at which a commit must be backed up.
	BackupInterval string `default:"10s" placeholder:"DURATION" help:"Age at which a commit must be backed up."`
	// BackupExportInterval is the age at which a commit of a tenant on Postgres must be backed up.
	BackupExportInterval string `default:"1h" placeholder:"DURATION" help:"Age at which a commit of a tenant on Postgres must be backed up, as a file with all of its rows."`
	// BackupKeep is for how long points in time can be restored.
	BackupKeep string `default:"30d" placeholder:"DURATION" help:"For how long points in time can be restored, such as 48h or 30d."`
	// ProofInterval is the time between rounds that restore tenants' backups to try them.
	ProofInterval string `default:"24h" placeholder:"DURATION" help:"Time between rounds in which a server restores the backups of some tenants, checks them and throws them away; 0 for none."`
	// ProofAge is how old a tenant's newest proof may be.
	ProofAge string `default:"30d" placeholder:"DURATION" help:"Age of the last successful restore of a tenant's backup above which doctor and the console warn; 0 for any."`
	// MailFrom is the sender of mail.
	MailFrom string `name:"mail-from" placeholder:"ADDRESS" help:"Sender of mail, such as 'Acme <no-reply@example.com>'; the mail server is TENANTRY_SMTP_URL."`
	// LazyMigrate says whether the first request migrates a tenant that is
	// behind: on, off, or auto, which is on for tenants on SQLite.
	LazyMigrate string `name:"lazy-migrate" default:"auto" placeholder:"auto|on|off" help:"Whether the first request of a tenant that is behind this build's migrations migrates it, instead of being answered 503; auto is on for tenants on SQLite and off on Postgres."`
	// By names the person who runs a command. Defaults to the system's user.
	By string `placeholder:"NAME" help:"Who is named in the ledger of operations; the system's user by default."`
	// LogFormat is text or json; empty is text on a terminal, else json.
	LogFormat string `placeholder:"text|json" help:"Format of the log on standard error; text on a terminal, else json."`
	// LogLevel is debug, info, warn or error.
	LogLevel string `default:"info" placeholder:"LEVEL" help:"Least level that is logged: debug, info, warn or error."`

	Secrets `kong:"-"`

	// Existing requires an existing installation, instead of creating one.
	Existing bool `kong:"-"`
}

// Defaults returns the configuration in which nothing is set.
func Defaults() Config {
	var c Config
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		if value, ok := field.Tag.Lookup("default"); ok {
			reflect.ValueOf(&c).Elem().FieldByIndex(field.Index).SetString(value)
		}
	}
	return c
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
