package tenantstest

// What CheckSchema reports, for the tests that it finds what is wrong.
var (
	CheckDialects = checkDialects
	CheckEngine   = checkEngine
)
