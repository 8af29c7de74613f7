package tenants

// entryList is a queue of entries. The links are in the entries themselves, so that a lease
// allocates nothing. An entry is in at most one list.
type entryList struct {
	first, last *entry
	len         int
}

// push appends e.
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

// remove removes e, which must be in the list.
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
