package seed

// globexBuildings are the projects that get built, or may be.
func globexBuildings() []project {
	return append([]project{
		{
			name:        "Harbour Street school",
			description: "Extension for 240 pupils: eight classrooms, a canteen and a sports hall half under ground. The old building stays open throughout.",
			lead:        "oskar.lindgren", team: []string{"school", "sofia.marin", "samuel.adeyemi"},
			opened: 418, closed: -240, tasks: 96,
			own: []string{
				"Count the bicycles on a dry morning", "Where do 240 children go in a fire drill?",
				"Crane must not swing over the playground", "Groundwater at 2.1 m: sports hall 40 cm higher?",
				"Noise only after 14:00 during exams", "Choose the gym floor with the sports teachers",
				"Ramp at 6 per cent without a landing?", "Topping-out: invite the pupils who drew the mural",
			},
			kind: buildingKind(),
			words: words{
				"element": {
					"the sports hall", "the canteen", "the classroom wing", "the bridge to the old building", "the north stairs",
					"the playground roof", "the plant room",
				},
				"client": {"the school board", "the headmistress", "the city's school department"},
			},
		},
		{
			name:        "Riverside housing, block C",
			description: "54 flats for a co-operative, a third of them subsidised, on the old timber yard. Timber frame above a concrete ground floor.",
			lead:        "clara.vogel", team: []string{"housing", "piet.devries", "helena.brandt"},
			opened: 386, closed: -200, tasks: 92,
			own: []string{
				"Evening with the future tenants about the shared kitchen", "Soil report: what the timber yard left behind",
				"Subsidy: are 48 m² for two persons still allowed?", "Mock-up of a bathroom pod", "Flood line plus 60 cm",
				"Laundry on the roof or in the basement?", "Letter to the neighbour about the party wall",
				"Names on the bells: wait for the lottery",
			},
			kind: buildingKind(),
			words: words{
				"element": {
					"the access gallery", "the ground floor shops", "the bathroom pods", "the roof garden", "the bicycle store",
					"the west façade", "the stair cores", "the timber frame",
				},
				"client": {"the co-operative", "the tenants' committee", "the subsidy office"},
			},
		},
		{
			name:        "Town hall refurbishment",
			description: "Listed building of 1908: new heating, a lift that nobody sees, offices for 70. The council chamber stays as it is.",
			lead:        "freya.nielsen", team: []string{"heritage", "sofia.marin", "lucia.ferrari"},
			opened: 341, closed: -120, tasks: 74,
			own: []string{
				"Find the drawings of 1908 in the city archive", "Paint layers in the stair hall",
				"Move the pigeons before nesting time", "Lead pipes in the east wing", "Lift shaft behind the records room",
				"Protect the mosaic during demolition", "Bats in the attic: call the expert in May",
			},
			kind: buildingKind(),
			words: words{
				"element": {
					"the council chamber", "the stair hall", "the records room", "the box windows", "the copper roof",
					"the vaulted cellar", "the east wing",
				},
				"client":    {"the town clerk", "the mayor's office", "the facilities team"},
				"authority": {"the heritage office", "the fire officer", "the building authority"},
				"trade": {
					"stone repair", "copper roofing", "plaster", "windows", "electrics", "heating", "parquet", "painting",
					"the lift",
				},
			},
		},
	}, globexStudies()...)
}

// globexStudies are a competition, studies and a small conversion.
func globexStudies() []project {
	return []project{
		{
			name:        "Museum of Tides, competition",
			description: "Open competition, two stages, a museum on the mudflats. Third prize.",
			lead:        "amara.diallo", team: []string{"competitions", "lucia.ferrari", "mei.tanaka"},
			opened: 372, closed: 246, archived: true, tasks: 44,
			own: []string{
				"Register and download the brief", "Trip to the site at low tide", "Form a team with the ship engineers",
				"Plaster model 1:500, fits the base plate?", "Cut the text to 600 words",
				"Courier: the model must be there by noon", "Answer the jury's eleven questions",
				"Exhibition boards for the town hall", "Bill the prize money",
			},
			kind: studyKind(),
			words: words{
				"idea":      {"the floating hall", "the tidal court", "the pier", "the lantern roof", "a building on stilts"},
				"sheet":     {"board 1", "board 2", "the site model", "the section perspective", "the explanatory report"},
				"engineer":  {"the structural engineer", "the ship engineers", "the landscape architects"},
				"authority": {"the harbour office", "the nature reserve"},
			},
		},
		{
			name:        "Station Square",
			description: "Master plan for the square after the tram: buses, trees, market, taxis. Three workshops with residents, then a report to the council.",
			lead:        "helena.brandt", team: []string{"amara.diallo", "jonas.weber", "leila.haddad", "matteo.rossi"},
			opened: 214, closed: -60, tasks: 58,
			own: []string{
				"Count buses and people, 7 to 9", "Borrow the tram depot for workshop 1",
				"Market traders: where would you stand?", "Shadow study for 21 December", "Invite the deaf association",
				"Taxi rank: talk to the drivers",
			},
			kind: studyKind(),
			words: words{
				"idea": {
					"trees in a grid", "the market roof", "buses on the east side", "the fountain", "a square without kerbs",
				},
				"sheet": {
					"the traffic plan", "the planting plan", "the phasing plan", "the workshop posters", "the council report",
				},
				"engineer":  {"the traffic engineers", "the landscape architects", "the surveyor", "the lighting designer"},
				"authority": {"the traffic police", "the tram company", "the tree officer", "the water board"},
			},
		},
		{
			name:        "Holm bakery",
			description: "A car repair shop becomes a bakery with a café. Small, quick, and the client gets up at two.",
			lead:        "thomas.keller", team: []string{"anna.kowalska", "piet.devries", "freya.nielsen"},
			opened: 168, closed: 29, tasks: 46,
			own: []string{
				"Can the slab carry a 3-ton oven?", "Smell complaint of the neighbour: answer",
				"Sign above the door: 40 cm is the limit", "Floor drain under the dough mixer",
				"Opening: bring a plant, not bread",
			},
			kind: buildingKind(),
			words: words{
				"element":   {"the bakehouse", "the counter", "the flue", "the shop window", "the cold store", "the yard gate"},
				"client":    {"Mr Holm"},
				"authority": {"the building authority", "the food inspector", "the fire officer"},
				"trade":     {"ventilation", "tiling", "electrics", "painting", "shop fitting", "plumbing"},
			},
		},
		{
			name:        "Kessler clinic, feasibility",
			description: "Can the clinic add 40 beds on its own plot while it goes on working? A study in six weeks.",
			lead:        "samuel.adeyemi", team: []string{"mei.tanaka", "leila.haddad", "daniel.osei"},
			opened: 24, closed: -18, tasks: 22,
			own: []string{
				"Follow a nurse for a shift", "Helicopter approach: which heights are free?",
				"Parking: 1 per 3 beds, says the by-law", "Ask for the as-built drawings of 1987",
				"Two variants by the end of the month",
			},
			kind: studyKind(),
			words: words{
				"idea":      {"a wing to the south", "two more storeys", "a pavilion in the park", "moving the laboratory out"},
				"sheet":     {"the area schedule", "the phasing plan", "the cost estimate", "the final report"},
				"engineer":  {"the structural engineer", "building services", "the hygiene consultant", "the fire consultant"},
				"authority": {"the building authority", "the fire officer", "the health ministry"},
			},
		},
	}
}

// globexOffice is what keeps the office together.
func globexOffice() []project {
	return []project{
		{
			name:        "BIM standard",
			description: "One template, one library, one way to name things. Agreed at the Monday meeting, kept here.",
			lead:        "yusuf.demir", team: []string{"daniel.osei", "jonas.weber", "oskar.lindgren"},
			opened: 262, tasks: 40,
			own: []string{
				"Rule: who may change the template", "Purge the 2019 library", "One hour for everybody: levels and grids",
				"Short-cuts on one page for the desk",
			},
			kind: standardKind(),
			words: words{
				"object": {"doors", "windows", "wall types", "stairs", "room stamps", "sheets", "section marks", "furniture"},
			},
		},
		{
			name:        "Office and studio",
			description: "Leases, insurance, printers, the model workshop, the summer party.",
			lead:        "petra.novotna", team: []string{"helena.brandt", "lucia.ferrari", "piet.devries"},
			opened: 426, tasks: 52,
			own: []string{
				"Extend the lease until 2031?", "Professional indemnity: new sum insured",
				"Summer party on the roof, wet-weather plan", "Exhaust for the laser cutter",
				"Which plotter after the old one dies?", "Bicycle leasing: ask who wants it",
				"Water damage in the archive, boxes 40 to 52", "Desk for Leila",
			},
			kind: officeKind(),
			words: words{
				"thing": {
					"the plotter", "the coffee machine", "the software licences", "the cleaners", "the model workshop",
					"the server room's cooling", "the meeting room screen",
				},
				"post":  {"project architect", "working student", "site manager"},
				"month": {"March", "June", "September", "December"},
			},
		},
	}
}
