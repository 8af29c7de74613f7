package account

// BearerSQL is for a test of its plan.
const BearerSQL = bearerSQL

// TrimActivity is for a test of what is kept.
var TrimActivity = trimActivity
