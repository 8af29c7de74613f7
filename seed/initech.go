package seed

// initech is a software company of 45 that makes bookkeeping for small firms.
// Its projects are in initech_product.go and initech_company.go.
func initech() company {
	return company{
		subdomain: "initech",
		name:      "Initech Software",
		seed:      1999,
		pace:      4,
		people:    append(initechBuilders(), initechOthers()...),
		projects:  append(initechProduct(), initechCompany()...),
		words: words{
			"customer": {
				"Bäckerei Holm", "Northwind Bikes", "Dr Sato's practice", "Fjord Kayaks", "Café Miró", "Okonkwo & Daughters",
				"Alpine Roofing", "the Riverside co-op", "Studio Lumen", "Ferreira Transport", "Green Fork Catering",
				"Pohl Hearing Aids",
			},
			"symptom": {
				"a wrong sort order", "a cut-off label", "an endless spinner", "a lost filter", "a stale total", "a double entry",
				"a blank page", "a date off by one day", "a jumping layout", "a rounding difference of one cent",
				"an unreadable error", "a dead link",
			},
			"condition": {
				"on small screens", "after the session has expired", "in Firefox", "on a slow connection",
				"in the French version", "for users who may only read", "after going back", "with more than 1,000 entries",
				"in dark mode", "when two people edit at once",
			},
			"signal": {
				"disk space", "error rate", "queue length", "p99 latency", "connection count", "certificate expiry",
				"replication lag", "memory",
			},
		},
	}
}

// initechBuilders are the teams that make the product.
func initechBuilders() []person {
	return []person{
		{"nadia.haddad", "Nadia Haddad", "leads", 338, true},
		{"erik.johansson", "Erik Johansson", "leads", 338, true},
		{"priya.raman", "Priya Raman", "invoicing", 337, false},
		{"lukas.hoffmann", "Lukas Hoffmann", "invoicing", 337, false},
		{"chidi.eze", "Chidi Eze", "invoicing", 336, false},
		{"marta.silva", "Marta Silva", "invoicing", 336, false},
		{"tom.bakker", "Tom Bakker", "invoicing", 290, false},
		{"hyejin.park", "Hye-jin Park", "invoicing", 119, false},
		{"stefan.ilic", "Stefan Ilić", "banking", 337, false},
		{"agnes.molnar", "Ágnes Molnár", "banking", 337, false},
		{"rahul.desai", "Rahul Desai", "banking", 335, false},
		{"laura.conti", "Laura Conti", "banking", 335, false},
		{"viktor.petrov", "Viktor Petrov", "banking", 204, false},
		{"ana.torres", "Ana Torres", "mobile", 336, false},
		{"kofi.mensah", "Kofi Mensah", "mobile", 336, false},
		{"julia.schmidt", "Julia Schmidt", "mobile", 334, false},
		{"ren.ito", "Ren Ito", "mobile", 151, false},
		{"greta.olsen", "Greta Olsen", "reports", 336, false},
		{"samir.khalil", "Samir Khalil", "reports", 336, false},
		{"emma.wright", "Emma Wright", "reports", 333, false},
		{"paulo.costa", "Paulo Costa", "reports", 262, false},
		{"ivan.horvat", "Ivan Horvat", "platform", 338, true},
		{"noor.aziz", "Noor Aziz", "platform", 337, false},
		{"ben.carter", "Ben Carter", "platform", 337, false},
		{"wei.zhang", "Wei Zhang", "platform", 330, false},
		{"astrid.berg", "Astrid Berg", "platform", 96, false},
		{"farah.rahimi", "Farah Rahimi", "identity", 336, false},
		{"daniel.novak", "Daniel Novák", "identity", 336, false},
		{"grace.kimani", "Grace Kimani", "identity", 248, false},
		{"leo.martin", "Léo Martin", "identity", 61, false},
	}
}

// initechOthers are those who don't write code, or not only.
func initechOthers() []person {
	return []person{
		{"sara.lund", "Sara Lund", "growth", 335, false},
		{"omar.farouk", "Omar Farouk", "growth", 334, false},
		{"kate.murphy", "Kate Murphy", "growth", 231, false},
		{"hiro.nakamura", "Hiro Nakamura", "design", 336, false},
		{"elena.popescu", "Elena Popescu", "design", 336, false},
		{"maya.cohen", "Maya Cohen", "design", 174, false},
		{"nils.eriksen", "Nils Eriksen", "marketing", 335, false},
		{"beatriz.lima", "Beatriz Lima", "marketing", 332, false},
		{"james.obrien", "James O’Brien", "marketing", 143, false},
		{"tereza.dvorak", "Tereza Dvořák", "support", 336, false},
		{"david.nguyen", "David Nguyen", "support", 336, false},
		{"aisha.bello", "Aisha Bello", "support", 327, false},
		{"finn.larsen", "Finn Larsen", "support", 68, false},
		{"ruth.meyer", "Ruth Meyer", "people", 338, true},
		{"carlos.vega", "Carlos Vega", "people", 331, false},
	}
}
