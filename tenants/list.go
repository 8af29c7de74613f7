package tenants

// node holds the links of an item in a list. It is embedded in the items, so that adding one allocates nothing. An
// item is in at most one list.
type node[T any] struct{ prev, next *T }

func (n *node[T]) links() *node[T] { return n }

// linked is a pointer to an item that embeds a node.
type linked[T any] interface {
	*T
	links() *node[T]
}

// list is a queue of items.
type list[T any, P linked[T]] struct {
	first, last *T
	len         int
}

type entryList = list[entry, *entry]

// push appends an item.
func (l *list[T, P]) push(item *T) {
	*P(item).links() = node[T]{prev: l.last}
	if l.last == nil {
		l.first = item
	} else {
		P(l.last).links().next = item
	}
	l.last = item
	l.len++
}

// remove removes an item, which must be in the list.
func (l *list[T, P]) remove(item *T) {
	at := P(item).links()
	if at.prev == nil {
		l.first = at.next
	} else {
		P(at.prev).links().next = at.next
	}
	if at.next == nil {
		l.last = at.prev
	} else {
		P(at.next).links().prev = at.prev
	}
	*at = node[T]{}
	l.len--
}
