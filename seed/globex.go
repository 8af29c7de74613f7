package seed

// globex is an architects' office of 18 with eight projects at a time: schools,
// housing, a competition now and then.
func globex() company {
	return company{
		subdomain: "globex",
		name:      "Globex Architects",
		seed:      1919,
		pace:      8,
		people:    globexPeople(),
		projects:  append(globexBuildings(), globexOffice()...),
		words: words{
			"engineer": {
				"the structural engineer", "building services", "the acoustician", "the fire consultant",
				"the landscape architects", "the surveyor",
			},
			"authority": {
				"the building authority", "the fire officer", "the heritage office", "the tree officer", "the water board",
			},
			"drawing": {
				"floor plans 1:100", "sections 1:50", "elevations 1:100", "the door schedule", "the room schedule",
				"façade details 1:20", "the roof plan",
			},
			"number": {"1", "2", "3", "4", "5"},
			"trade": {
				"concrete works", "windows", "roofing", "dry lining", "metalwork", "screed", "lifts", "painting", "joinery",
			},
		},
	}
}

func globexPeople() []person {
	return []person{
		{"helena.brandt", "Helena Brandt", "partners", 430, true},
		{"samuel.adeyemi", "Samuel Adeyemi", "partners", 430, true},
		{"lucia.ferrari", "Lucia Ferrari", "partners", 430, false},
		{"petra.novotna", "Petra Novotná", "office", 429, true},
		{"oskar.lindgren", "Oskar Lindgren", "school", 428, false},
		{"mei.tanaka", "Mei Tanaka", "school", 428, false},
		{"daniel.osei", "Daniel Osei", "school", 420, false},
		{"clara.vogel", "Clara Vogel", "housing", 428, false},
		{"yusuf.demir", "Yusuf Demir", "housing", 427, false},
		{"anna.kowalska", "Anna Kowalska", "housing", 419, false},
		{"matteo.rossi", "Matteo Rossi", "housing", 292, false},
		{"freya.nielsen", "Freya Nielsen", "heritage", 426, false},
		{"thomas.keller", "Thomas Keller", "heritage", 426, false},
		{"amara.diallo", "Amara Diallo", "competitions", 425, false},
		{"jonas.weber", "Jonas Weber", "competitions", 333, false},
		{"sofia.marin", "Sofía Marín", "site", 425, false},
		{"piet.devries", "Piet de Vries", "site", 398, false},
		{"leila.haddad", "Leila Haddad", "competitions", 54, false},
	}
}
