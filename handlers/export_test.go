package handlers

// BearerSQL is for a test of its plan.
const BearerSQL = bearerSQL
