package backup

// Sweep1 is one round of Sweep.
var Sweep1 = (*Backups).sweep
