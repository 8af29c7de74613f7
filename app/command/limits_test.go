package command

import "time"

// Limits of app that tests count on.
const (
	spareClients      = 32
	shareOf64         = 16 // connections of one address, of 64
	bodyPatience      = 10 * time.Second
	readHeaderTimeout = 10 * time.Second
)
