package handlers

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// locked makes reads on tx lock their rows until the transaction ends, so that
// changes made from what was read come one after another. Only Postgres needs it: on
// SQLite whole transactions come one after another.
func locked(tx *gorm.DB) *gorm.DB {
	return tx.Clauses(clause.Locking{Strength: "NO KEY UPDATE"})
}

// kept makes reads on tx keep their rows from being deleted until the transaction
// ends, so that other rows can refer to them.
func kept(tx *gorm.DB) *gorm.DB {
	return tx.Clauses(clause.Locking{Strength: "KEY SHARE"})
}
