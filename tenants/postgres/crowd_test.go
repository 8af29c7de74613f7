package postgres

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants/tenantstest/notes"
)

// TestCrowdedPoolsGetEvenParts has one tenant hold all connections when a
// second one comes, and the first one get back its width when that has left.
func TestCrowdedPoolsGetEvenParts(t *testing.T) {
	t.Parallel()
	c := config(t)
	c.MaxConns = 4
	e := newEngine(t, c)
	greedy := opened(t, e, made(t, e))
	transactions := make([]*gorm.DB, c.MaxConns)
	for i := range transactions {
		transactions[i] = over(e, greedy).Begin()
		if err := transactions[i].Error; err != nil {
			t.Fatal(err)
		}
	}
	modest := made(t, e)
	arrived := make(chan error)
	go func() {
		conns, err := e.Open(t.Context(), modest)
		if err == nil {
			err = conns.Close()
		}
		arrived <- err
	}()
	widthOf := func() int { return greedy.Write.Stats().MaxOpenConnections }
	waitFor(t, "the even part", func() bool { return widthOf() == 2 })
	for _, tx := range transactions {
		if err := tx.Commit().Error; err != nil {
			t.Error(err)
		}
	}
	if err := <-arrived; err != nil {
		t.Error(err)
	}
	waitFor(t, "the full width", func() bool { return widthOf() == 4 })
}

func TestPoolOpenedInACrowdIsNarrow(t *testing.T) {
	t.Parallel()
	b := newBudget(4)
	b.crowded, b.width = true, 1
	db := b.openPool(connector{}, 4)
	defer db.Close()
	if got := db.Stats().MaxOpenConnections; got != 1 {
		t.Errorf("%d connections", got)
	}
}

func TestSurrendersAreNoMoreThanWaiters(t *testing.T) {
	t.Parallel()
	b := newBudget(4)
	if b.surrender() {
		t.Error("surrendered to nobody")
	}
	b.waiters.PushBack(&waiter{})
	if !b.surrender() || b.surrender() {
		t.Error("one waiter did not get one connection")
	}
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// BenchmarkCrowded is a transaction of one query while 100 callers have work
// for 50 tenants at random: with a connection for each tenant, and with fewer.
func BenchmarkCrowded(b *testing.B) {
	const tenantCount, callersPerCPU = 50, 50
	for _, limit := range []int{60, 20} {
		b.Run(fmt.Sprint("connections=", limit), func(b *testing.B) {
			c := config(b)
			c.MaxConns = limit
			e := newEngine(b, c)
			handles := make([]*gorm.DB, tenantCount)
			for i := range handles {
				handles[i] = handle(b, e, made(b, e))
			}
			b.SetParallelism(callersPerCPU)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					db := handles[rand.IntN(tenantCount)]
					err := db.Transaction(func(tx *gorm.DB) error { return tx.Find(&[]notes.Folder{}).Error })
					if err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
