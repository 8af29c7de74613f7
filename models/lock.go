package models

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Locked makes reads on tx lock their rows until the transaction ends, so that
// changes made from what was read come one after another. Only Postgres needs it: on
// SQLite whole transactions come one after another.
func Locked(tx *gorm.DB) *gorm.DB {
	return tx.Clauses(clause.Locking{Strength: "NO KEY UPDATE"})
}

// Kept makes reads on tx protect their rows from deletion until the transaction
// ends, so that other rows can refer to them.
func Kept(tx *gorm.DB) *gorm.DB {
	return tx.Clauses(clause.Locking{Strength: "KEY SHARE"})
}
