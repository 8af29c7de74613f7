package handlers

// BearerSQL is for a test of its plan.
const BearerSQL = bearerSQL

// TrimActivity is trimActivity.
var TrimActivity = trimActivity
