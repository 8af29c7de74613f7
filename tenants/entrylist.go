package tenants

// entryList is a queue of entries, linked through the entries themselves so
// that a lease allocates nothing. An entry is in one list at most.
type entryList struct {
	first, last *entry
	len         int
}

// push puts e last.
func (l *entryList) push(e *entry) {
	e.prev, e.next = l.last, nil
	if l.last == nil {
		l.first = e
	} else {
		l.last.next = e
	}
	l.last = e
	l.len++
}

// remove takes e out of the list, in which it is.
func (l *entryList) remove(e *entry) {
	if e.prev == nil {
		l.first = e.next
	} else {
		e.prev.next = e.next
	}
	if e.next == nil {
		l.last = e.prev
	} else {
		e.next.prev = e.prev
	}
	e.prev, e.next = nil, nil
	l.len--
}
