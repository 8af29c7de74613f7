package tenants

// OriginOf returns the origin of a process.
var OriginOf = originOf
