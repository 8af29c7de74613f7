//go:build cgo && linux

package sqlite

/*
#include <stdint.h>
#include <stdlib.h>

// These are SQLite's, from the library that the driver brings along. They are weak so that this package links by
// itself while it is compiled.
#define SQLITES __attribute__((weak)) extern
typedef struct sqlite3 sqlite3;
SQLITES int sqlite3_config(int, ...);
SQLITES int sqlite3_open_v2(const char *, sqlite3 **, int, const char *);
SQLITES int sqlite3_extended_result_codes(sqlite3 *, int);
SQLITES int sqlite3_busy_timeout(sqlite3 *, int);
SQLITES int sqlite3_db_config(sqlite3 *, int, ...);
SQLITES int sqlite3_exec(sqlite3 *, const char *, int (*)(void *, int, char **, char **), void *, char **);
SQLITES int sqlite3_set_authorizer(sqlite3 *, int (*)(void *, int, const char *, const char *, const char *, const char *), void *);
SQLITES int sqlite3_stricmp(const char *, const char *);
SQLITES int sqlite3_close_v2(sqlite3 *);

enum { // from sqlite3.h
	CONFIG_PAGECACHE = 7, CONFIG_MEMSTATUS = 9, CONFIG_LOOKASIDE = 13,
	OPEN_READWRITE = 0x2, OPEN_CREATE = 0x4, OPEN_URI = 0x40, OPEN_FULLMUTEX = 0x10000,
	DBCONFIG_ENABLE_FKEY = 1002,
	OK = 0, DENY = 1, ACTION_PRAGMA = 19,
};

// configure makes connections small: SQLite would give each 120 KB for small objects and memory for 20 pages at once,
// which saves nothing that can be measured. Nothing here asks SQLite how much memory it uses, which it would count under
// a lock. It has no effect if SQLite is in use already.
static void configure(void) {
	sqlite3_config(CONFIG_LOOKASIDE, 0, 0);
	sqlite3_config(CONFIG_PAGECACHE, (void *)0, 0, 0);
	sqlite3_config(CONFIG_MEMSTATUS, 0);
}

// keep_reading refuses to end query_only.
static int keep_reading(void *unused, int action, const char *name, const char *value, const char *database, const char *trigger) {
	return action == ACTION_PRAGMA && sqlite3_stricmp(name, "query_only") == 0 ? DENY : OK;
}

static sqlite3 *open_direct(const char *name, int foreign_keys, int busy, const char *pragmas, int reads) {
	sqlite3 *db = 0;
	int failed = sqlite3_open_v2(name, &db, OPEN_READWRITE | OPEN_CREATE | OPEN_URI | OPEN_FULLMUTEX, 0)
		|| sqlite3_busy_timeout(db, busy)
		|| sqlite3_db_config(db, DBCONFIG_ENABLE_FKEY, foreign_keys, (int *)0)
		|| (*pragmas && sqlite3_exec(db, pragmas, 0, 0, 0))
		|| (reads && sqlite3_set_authorizer(db, keep_reading, 0));
	if (failed && db) {
		sqlite3_close_v2(db);
		db = 0;
	}
	return db;
}
*/
import "C"

import (
	"database/sql/driver"
	"net/url"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"unsafe"

	"github.com/mattn/go-sqlite3"
)

// openConn opens a connection as the driver would, without the five functions that the driver registers for each. They
// are of no use here, and each connection that closes would look for its own among those of all connections: with 2,000
// of them open, that takes longer than everything else. If anything is not as expected, it lets the driver open the
// connection.
func openConn(dsn string) (driver.Conn, error) {
	if options, ok := parseOptions(dsn); ok {
		if conn := openDirect(dsn, options); conn != nil {
			return conn, nil
		}
	}
	return builtDriver().Open(strings.Replace(dsn, readerParams, "mode=ro&_query_only=1", 1))
}

// readerParams are for connections that read. One that may change the file's sidecars can, as the last one to close,
// checkpoint and remove -wal; otherwise that takes another connection.
const readerParams = "mode=rw&_query_only=1"

// configure configures SQLite before the first connection.
var configure = sync.OnceFunc(func() { C.configure() })

// connOptions are the driver's options in a data source name.
type connOptions struct {
	foreignKeys, busyTimeout, statements, reads int
	begin, pragmas                              string
}

// parseOptions returns false for options that openDirect doesn't know.
func parseOptions(dsn string) (*connOptions, bool) {
	_, query, _ := strings.Cut(dsn, "?")
	values, err := url.ParseQuery(query)
	if err != nil || !strings.HasPrefix(dsn, "file:") {
		return nil, false
	}
	o := &connOptions{begin: "BEGIN"}
	for name := range values {
		value := values.Get(name)
		number, err := strconv.Atoi(value)
		switch {
		case name == "mode", name == "_time_format", name == "_timezone":
		case name == "_foreign_keys" && err == nil:
			o.foreignKeys = number
		case name == "_busy_timeout" && err == nil:
			o.busyTimeout = number
		case name == "_stmt_cache_size" && err == nil:
			o.statements = number
		case name == "_txlock" && value == "immediate":
			o.begin = "BEGIN IMMEDIATE"
		case name == "_query_only" && value == "1":
			o.reads = 1
			o.pragmas += "PRAGMA query_only=1;"
		case name == "_synchronous", name == "_journal_mode":
			o.pragmas += "PRAGMA " + name[1:] + "=" + value + ";"
		default:
			return nil, false
		}
	}
	return o, true
}

// openDirect returns nil if it fails.
func openDirect(dsn string, o *connOptions) *sqlite3.SQLiteConn {
	conn := &sqlite3.SQLiteConn{}
	fields := reflect.ValueOf(conn).Elem()
	db, begin := fields.FieldByName("db"), fields.FieldByName("txlock")
	cache, enabled := fields.FieldByName("stmtCache"), fields.FieldByName("stmtCacheEnabled")
	if db.Kind() != reflect.Pointer || begin.Kind() != reflect.String || cache.Kind() != reflect.Slice || enabled.Kind() != reflect.Bool {
		return nil
	}
	configure()
	name, pragmas := C.CString(dsn), C.CString(o.pragmas)
	defer C.free(unsafe.Pointer(name))
	defer C.free(unsafe.Pointer(pragmas))
	opened := C.open_direct(name, C.int(o.foreignKeys), C.int(o.busyTimeout), pragmas, C.int(o.reads))
	if opened == nil {
		return nil
	}
	*(*unsafe.Pointer)(db.Addr().UnsafePointer()) = unsafe.Pointer(opened)
	*(*string)(begin.Addr().UnsafePointer()) = o.begin
	*(*bool)(enabled.Addr().UnsafePointer()) = o.statements > 0
	reflect.NewAt(cache.Type(), cache.Addr().UnsafePointer()).Elem().Set(reflect.MakeSlice(cache.Type(), 0, o.statements))
	runtime.SetFinalizer(conn, (*sqlite3.SQLiteConn).Close)
	return conn
}
