package app

import "log/slog"

// capacity is the division of the limit on open files among their uses.
type capacity struct {
	files     uint64 // the limit on open files
	tenants   int    // handles open at once
	readers   int    // connections that read a SQLite tenant at once
	clients   int    // connections to the public listener
	operators int    // connections to the operator's listener
}

// What is taken off the limit first.
const (
	// reservedFiles are for the master database, the log, the listeners, and what
	// an operation on a tenant opens.
	reservedFiles = 64
	// spareClients and spareOperators are connections kept for clients that are
	// told to retry, because all others are in use.
	spareClients, spareOperators = 32, 8
)

// The bounds of what is shared out.
const (
	leastTenants, mostTenants     = 2, 2000
	leastReaders, mostReaders     = 1, 4
	leastClients, mostClients     = 64, 8192
	leastOperators, mostOperators = 16, 256
	// mostServerConns is the assumed upper bound of the files that connections
	// to a Postgres server take.
	mostServerConns = 4096
)

// handleFiles is the most files that a SQLite tenant has open: two for each
// connection, one of which writes, and one that all of them share.
func handleFiles(readers int) int { return 2*(1+readers) + 1 }

// shareFiles divides a limit on open files. asked is the configured number of
// handles, or 0. Clients get at least half of the remainder, because an idle
// tenant's handle is closed for another one, while a client without a place is
// refused.
func shareFiles(limit uint64, asked int, sqlite bool) capacity {
	c := capacity{files: limit, tenants: asked, readers: mostReaders}
	files := int(min(limit, 1<<20))
	c.operators = clamp(files/16, leastOperators, mostOperators)
	free := files - reservedFiles - spareClients - spareOperators - c.operators
	if !sqlite { // its handles are connections, which the server bounds
		if asked == 0 {
			c.tenants = mostTenants
		}
		c.clients = clamp(free-min(free/4, mostServerConns), leastClients, mostClients)
		return c
	}
	forTenants := max(free-mostClients, free/2)
	if asked == 0 {
		c.tenants = clamp(forTenants/handleFiles(2), leastTenants, mostTenants)
	}
	c.readers = clamp((forTenants/c.tenants-handleFiles(0))/2, leastReaders, mostReaders)
	c.clients = clamp(free-c.tenants*handleFiles(c.readers), leastClients, mostClients)
	return c
}

func clamp(n, least, most int) int { return min(max(n, least), most) }

// addressShare is how many connections one address may have at once, unless it
// is that of a trusted proxy.
func (c capacity) addressShare() int { return max(c.clients/4, min(c.clients, 16)) }

// LogValue is for the line at start.
func (c capacity) LogValue() slog.Value {
	return slog.GroupValue(
		slog.Uint64("open_files", c.files), slog.Int("open_tenants", c.tenants), slog.Int("clients", c.clients),
		slog.Int("clients_of_an_address", c.addressShare()), slog.Int("operators", c.operators),
	)
}
