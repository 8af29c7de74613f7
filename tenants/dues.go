package tenants

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"gorm.io/gorm"
)

const (
	// dueKept is how long the process takes care of a tenant after it wrote work of it, so that the next work costs no
	// write to the master. If the process dies, the databases of these tenants are looked at.
	dueKept = 5 * time.Minute
	// dueGroup is the greatest number of tenants in one transaction that makes the process take care of them.
	dueGroup = 500
	// duePoll is the longest time between two looks at the master, and dueAdoption between two looks for processes
	// that died.
	duePoll, dueAdoption = 10 * time.Second, 5 * time.Second
	// dueSweep is the time between two looks for what is left of tenants that were removed.
	dueSweep = time.Hour
	// dueTick is how exactly the process keeps the times of tenants that it takes care of.
	dueTick = 100 * time.Millisecond
	// dueWriteTime limits a write to the master that scopes wait for.
	dueWriteTime = 10 * time.Second
	// dueRetry is the pause after an error of the master.
	dueRetry = time.Second
	// dueGap is the shortest time between two looks at the master.
	dueGap = 20 * time.Millisecond
)

// Dues knows which tenants have work to do. Work is written in scopes, which call MarkDue, and is done by callers of
// Next, in this process or in another one: an active tenant whose time has come is given to one of them. It is safe for
// concurrent use.
type Dues struct {
	master  *Master
	process *Process
	log     *slog.Logger

	changed chan struct{} // holds a token if there is something new for run
	out     chan string   // to callers of Next

	mu       sync.Mutex // protects the fields below, and those of every entry
	entries  map[string]*dueEntry
	ready    []string  // entries whose time has come, in the order in which they are given out
	hungry   int       // callers of Next that wait
	serving  bool      // Next was called
	look     time.Time // when to look at the master
	looked   time.Time // when it was looked at
	adoption time.Time // when to look for processes that died
	sweep    time.Time // when to look for what is left of tenants that were removed
	retry    time.Time // no attempt to give tenants back before
	scanned  time.Time // when all entries were looked at
	rescan   time.Time // when to look at them next, unless there is news
	news     bool      // an entry has changed since
	asked    []string  // entries that wait for askMaster, which runs if asking is true
	asking   bool
}

// dueEntry is a tenant that the process takes care of.
type dueEntry struct {
	instance string    // the process's id when that was recorded in the master
	writing  *dueWrite // nil if the master isn't being written
	writers  int       // scopes with work that have not ended
	working  bool      // it is given to a caller of Next
	queued   bool      // it is in ready
	away     bool      // it is to be given back
	next     time.Time // when it has work; zero for no known work
	again    time.Time // when to look once more, because it is unknown whether work was stored; or zero
	until    time.Time // kept until then
}

// dueWrite is a write to the master that is under way.
type dueWrite struct {
	done chan struct{} // closed when it has ended
	err  error         // why the process doesn't take care of the tenant, if that was to be recorded; set before done is closed
}

func newDueWrite() *dueWrite { return &dueWrite{done: make(chan struct{})} }

func newDues(master *Master, process *Process, log *slog.Logger) *Dues {
	return &Dues{
		master: master, process: process, log: log,
		changed: make(chan struct{}, 1), out: make(chan string), entries: map[string]*dueEntry{},
	}
}

// Next waits for a tenant whose work is due, and returns its id. Until the caller calls Done or GiveBack, it gets no
// other caller. Tenants come in the order in which their times came. Returns ctx's error when ctx ends.
func (d *Dues) Next(ctx context.Context) (tenantID string, err error) {
	d.hunger(1)
	defer d.hunger(-1)
	select {
	case id := <-d.out:
		return id, nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

func (d *Dues) hunger(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hungry += n
	d.news = d.news || !d.serving
	d.serving = true
	if n > 0 {
		d.wake()
	}
}

// Done ends the work on a tenant that Next returned, of which the next work is at a time, or never if it is zero.
func (d *Dues) Done(tenantID string, next time.Time) { d.end(tenantID, next, false) }

// GiveBack is Done for a tenant on which this process can't work now: any process tries again at the time, once the
// tenant is active.
func (d *Dues) GiveBack(tenantID string, next time.Time) { d.end(tenantID, next, true) }

func (d *Dues) end(tenantID string, next time.Time, away bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.entries[tenantID]
	e.working = false
	if away {
		e.away, e.until = true, time.Time{}
	}
	e.at(next)
	e.at(e.again)
	e.again = time.Time{}
	d.tell(tenantID, e)
}

// at makes the entry due at that time at the latest.
func (e *dueEntry) at(next time.Time) {
	if !next.IsZero() && (e.next.IsZero() || next.Before(e.next)) {
		e.next = next
	}
}

// enqueue makes the entry ready if its time has come. The caller holds the lock.
func (d *Dues) enqueue(id string, e *dueEntry) {
	if d.serving && !e.working && !e.queued && !e.away && e.writing == nil && e.isDue() {
		e.queued = true
		d.ready = append(d.ready, id)
	}
}

// tell is enqueue, and makes run look at the entry that has changed. The caller holds the lock.
func (d *Dues) tell(id string, e *dueEntry) {
	d.enqueue(id, e)
	d.news = true
	d.wake()
}

func (e *dueEntry) isDue() bool { return !e.next.IsZero() && !time.Now().Before(e.next) }

func (d *Dues) wake() {
	select {
	case d.changed <- struct{}{}:
	default:
	}
}

// mayHaveChanged makes the process look at the master.
func (d *Dues) mayHaveChanged() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.look = time.Time{}
	d.wake()
}

// hold records in the master that this process takes care of the tenant, unless it does so already, until wrote is called.
func (d *Dues) hold(ctx context.Context, id string) error {
	for {
		writing := d.tryHold(id)
		if writing == nil {
			return nil
		}
		select {
		case <-writing.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if writing.err != nil {
			return writing.err
		}
	}
}

// tryHold is hold if the master says already that this process takes care of the tenant. Otherwise it returns what must be
// written first.
func (d *Dues) tryHold(id string) *dueWrite {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.ask(id)
	if e.writing == nil {
		e.writers++
	}
	return e.writing
}

// prepare begins to write what hold will need, so that hold waits for less.
func (d *Dues) prepare(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ask(id)
}

// ask returns the tenant's entry, which is being written unless the master says that this process takes care of the tenant. The
// caller holds the lock.
func (d *Dues) ask(id string) *dueEntry {
	e := d.entries[id]
	if e == nil {
		e = &dueEntry{}
		d.entries[id] = e
	}
	if e.writing != nil || e.instance == d.process.ID() {
		return e
	}
	e.writing = newDueWrite()
	d.asked = append(d.asked, id)
	if !d.asking {
		d.asking = true
		go d.askMaster()
	}
	return e
}

// askMaster records in the master that this process takes care of the tenants that were asked for: of those that are asked
// for while it writes in one transaction, together. It belongs to no scope, because scopes that end must not end the others' write.
func (d *Dues) askMaster() {
	for {
		d.mu.Lock()
		ids, instance := slices.Clone(d.asked[:min(len(d.asked), dueGroup)]), d.process.ID()
		d.asked = slices.Delete(d.asked, 0, len(ids))
		d.asking = len(ids) > 0
		d.mu.Unlock()
		if len(ids) == 0 {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), dueWriteTime)
		err := d.master.Update(ctx, func(tx *gorm.DB) error { return insertDue(tx, instance, ids...) })
		cancel()
		d.held(ids, instance, err)
	}
}

// held records that askMaster has written to the master.
func (d *Dues) held(ids []string, instance string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, id := range ids {
		e := d.entries[id]
		e.writing.err = err
		close(e.writing.done)
		e.writing = nil
		switch {
		case err == nil:
			e.instance, e.until = instance, time.Now().Add(dueKept)
		case e.instance == "":
			delete(d.entries, id)
		}
		d.tell(id, e)
	}
}

// wrote ends what hold began: a scope of the tenant has ended. stored means that it wrote work for that time, unknown that
// it may have done so or may still do so.
func (d *Dues) wrote(id string, at time.Time, stored, unknown bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.entries[id]
	e.writers--
	e.until = time.Now().Add(dueKept)
	if stored || unknown {
		e.away = false
		e.at(at)
	}
	if unknown {
		e.again = time.Now().Add(commitMargin)
	}
	d.tell(id, e)
}

// run gives tenants to callers of Next, takes tenants from the master for them and gives tenants back, until ctx ends.
func (d *Dues) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		d.takeFromMaster(ctx)
		if d.scan() {
			d.release(ctx, d.idle)
		}
		first, out, pause := d.first()
		timer.Reset(pause)
		select {
		case out <- first:
			d.pop()
		case <-d.changed:
		case <-timer.C:
		case <-ctx.Done():
			return
		}
	}
}

// scan makes tenants ready whose time has come. It does so at most once in a tick, and reports whether it did.
func (d *Dues) scan() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if now.Sub(d.scanned) < dueTick || !d.news && now.Before(d.rescan) {
		return false
	}
	d.scanned, d.rescan, d.news = now, now.Add(duePoll), false
	for id, e := range d.entries {
		d.enqueue(id, e)
		if at := d.wakes(e); at.Before(d.rescan) {
			d.rescan = at
		}
	}
	return true
}

// wakes returns when the entry's work is due, or when it is to be given back. The caller holds the lock.
func (d *Dues) wakes(e *dueEntry) time.Time {
	switch {
	case !d.serving:
		return time.Time{}
	case e.working, e.queued:
		return time.Now().Add(duePoll) // its end is news
	case e.next.IsZero(), e.until.Before(e.next):
		return e.until
	}
	return e.next
}

// first returns the first ready tenant and the channel for it, and for how long there is nothing else to do.
func (d *Dues) first() (id string, out chan string, pause time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	pause = duePoll
	switch {
	case d.news:
		pause = dueTick
	case len(d.entries) > 0:
		pause = max(dueTick, min(pause, time.Until(d.rescan)))
	}
	if d.hungry > len(d.ready) {
		pause = max(dueGap, min(pause, time.Until(d.look), time.Until(d.adoption)))
	}
	if len(d.ready) == 0 {
		return "", nil, pause
	}
	e := d.entries[d.ready[0]]
	e.working, e.next = true, time.Time{} // before a caller has it: what is written from now on is new work
	return d.ready[0], d.out, pause
}

// pop removes the first ready tenant, which a caller of Next got.
func (d *Dues) pop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if e := d.entries[d.ready[0]]; e != nil {
		e.queued = false
		d.enqueue(d.ready[0], e) // the caller may have ended its work already
	}
	d.ready = d.ready[1:]
}

// takeFromMaster takes tenants whose work is due from the master, if callers of Next wait and it is time to look.
func (d *Dues) takeFromMaster(ctx context.Context) {
	most, adopts, sweeps := d.wants()
	if adopts {
		if err := d.master.adoptDue(ctx); err != nil && ctx.Err() == nil {
			d.log.WarnContext(ctx, "look for work of processes that died", "error", err)
		}
	}
	if sweeps {
		if err := d.master.sweepDue(ctx); err != nil && ctx.Err() == nil {
			d.log.WarnContext(ctx, "look for work of tenants that were removed", "error", err)
		}
	}
	if most == 0 {
		return
	}
	ids, next, err := d.master.findDue(ctx, most)
	instance := d.process.ID()
	if err == nil && len(ids) > 0 {
		ids, err = d.master.takeDue(ctx, instance, ids)
	}
	if err != nil {
		if ctx.Err() == nil {
			d.log.WarnContext(ctx, "look for work in the master", "error", err)
		}
		d.lookAgain(time.Now().Add(dueRetry))
		return
	}
	d.took(instance, ids)
	if next.IsZero() || time.Until(next) > duePoll {
		next = time.Now().Add(duePoll - rand.N(duePoll/4))
	}
	d.lookAgain(next)
}

// wants returns how many tenants can be taken from the master now, and whether it is time to look for processes that
// died and for what is left of tenants that were removed.
func (d *Dues) wants() (most int, adopts, sweeps bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	most = d.hungry - len(d.ready)
	if !d.serving || most <= 0 || now.Before(d.look) && now.Before(d.adoption) || now.Sub(d.looked) < dueGap {
		return 0, false, false
	}
	d.looked = now
	d.look = now.Add(duePoll) // what changes from now on makes it earlier
	if adopts = !now.Before(d.adoption); adopts {
		d.adoption = now.Add(dueAdoption)
	}
	if sweeps = !now.Before(d.sweep); sweeps {
		d.sweep = now.Add(dueSweep)
	}
	return most, adopts, sweeps
}

// lookAgain makes the master be looked at at that time at the latest.
func (d *Dues) lookAgain(at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if at.Before(d.look) {
		d.look = at
	}
}

// took records that the master says that the instance takes care of tenants with work.
func (d *Dues) took(instance string, ids []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, id := range ids {
		e := d.entries[id]
		if e == nil {
			e = &dueEntry{}
			d.entries[id] = e
		}
		if e.writing == nil {
			e.instance = instance
		}
		e.away = false
		e.at(time.Now())
		d.enqueue(id, e)
	}
}

// idle reports whether a tenant is to be given back.
func (d *Dues) idle(e *dueEntry) bool {
	switch {
	case e.away || !d.serving:
		return true
	case e.isDue() || !e.again.IsZero():
		return false
	}
	return time.Now().After(e.until) && (e.next.IsZero() || time.Until(e.next) > time.Second)
}

// release gives those tenants back for which which returns true and which nothing uses.
func (d *Dues) release(ctx context.Context, which func(e *dueEntry) bool) {
	rows, instance := d.leaving(which)
	if len(rows) == 0 {
		return
	}
	err := d.master.releaseDue(ctx, instance, rows)
	if err != nil && ctx.Err() == nil {
		d.log.WarnContext(ctx, "give tenants with work back to the master", "error", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		d.retry = time.Now().Add(dueRetry)
	}
	for _, row := range rows {
		e := d.entries[row.TenantID]
		close(e.writing.done)
		e.writing = nil
		if err == nil {
			delete(d.entries, row.TenantID)
		}
	}
}

// leaving marks the tenants that release gives back as being written, and returns their rows. Tenants of an instance that
// isn't the process's any more have been adopted, or will be; they are forgotten.
func (d *Dues) leaving(which func(e *dueEntry) bool) (rows []Due, instance string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	instance = d.process.ID()
	if time.Now().Before(d.retry) {
		return nil, instance
	}
	for id, e := range d.entries {
		if e.working || e.queued || e.writers > 0 || e.writing != nil || !which(e) {
			continue
		}
		if e.instance != instance {
			delete(d.entries, id)
			continue
		}
		e.writing = newDueWrite()
		next := e.next
		if next.IsZero() || !e.again.IsZero() && e.again.Before(next) {
			next = e.again
		}
		rows = append(rows, Due{TenantID: id, At: next})
	}
	return rows, instance
}

// close gives all tenants back. It is called when run has ended and no scope runs.
func (d *Dues) close(ctx context.Context) {
	d.mu.Lock()
	for _, e := range d.entries {
		if e.working || e.queued {
			e.at(time.Now()) // its work did not end
		}
		e.working, e.queued = false, false
	}
	d.retry = time.Time{}
	d.mu.Unlock()
	d.release(ctx, func(*dueEntry) bool { return true })
}
