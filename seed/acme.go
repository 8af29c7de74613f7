package seed

// acme is a joinery: six people, commissions for houses and public rooms, and
// a chair of their own.
func acme() company {
	return company{
		subdomain: "acme",
		name:      "Acme Joinery",
		seed:      1887,
		pace:      5,
		people: []person{
			{"mara", "Mara Lindholm", "workshop", 310, true},
			{"hanna", "Hanna Weiss", "office", 310, true},
			{"tomas", "Tomás Rey", "workshop", 309, false},
			{"ines", "Ines Okoye", "workshop", 302, false},
			{"ravi", "Ravi Menon", "office", 262, false},
			{"jakub", "Jakub Nowak", "workshop", 130, false},
		},
		projects: acmeProjects(),
		words: words{
			"wood":   {"ash", "oak", "walnut", "larch"},
			"finish": {"hard wax oil", "white oil", "linseed paint", "matt lacquer"},
		},
	}
}

// acmeProjects are the projects, the oldest first.
func acmeProjects() []project {
	return append([]project{
		{
			name:        "Trade fair in Cologne",
			description: "Our first stand, shared with two potters. Chair No. 7 as a prototype, the reading bench, samples to touch.",
			lead:        "hanna", team: []string{"ravi", "tomas"},
			opened: 300, closed: 205, archived: true, tasks: 18,
			own: []string{
				"Sign the contract for the stand", "Split the costs with the potters", "Draw the stand, 3 by 4 metres",
				"Order electricity and two lamps", "Book the van and two rooms", "Print 300 price lists",
				"Sand and oil the show pieces once more", "Sample board with all our timbers",
				"Retouch the photos for the fair's catalogue", "Sign for the stand, routed in oak",
				"Tools and spare screws for setting up", "Rota for the four days", "Set up on Tuesday from 8:00",
				"Call back everybody who left a card", "Send samples to the hotel people from Utrecht",
				"Claim the VAT on the stand's bill", "Write down what we'd do differently", "Pay the potters their share",
			},
		},
		{
			name:        "Workshop and machines",
			description: "What keeps the place running: machines, blades, dust, safety, stock. Anyone adds what they notice.",
			lead:        "tomas", team: []string{"workshop"},
			opened: 296, tasks: 38,
			own: []string{
				"Label the fuses in the new cabinet", "First-aid box: check the dates", "Rack for offcuts over 40 cm",
				"Replace the lamp over bench 2", "Safety talk on the spindle moulder with Jakub",
				"Get a price for a second-hand wide belt sander",
			},
			kind: workshopKind(),
			words: words{
				"machine": {
					"the table saw", "the band saw", "the planer", "the spindle moulder", "the dust extraction",
					"the edge sander", "the compressor",
				},
				"cutter": {"the table saw", "the band saw", "the planer", "the spindle moulder"},
				"stock": {
					"glue", "sanding discs 120 to 240", "dowels, 8 and 10 mm", "European oak, 40 mm", "drawer runners",
					"hard wax oil",
				},
			},
		},
	}, acmeOrders()...)
}

// acmeOrders are the commissions, and what the workshop makes to sell.
func acmeOrders() []project {
	return []project{
		{
			name:        "Linden library, reading room",
			description: "Six tables, 32 chairs, a wall of shelves and a counter for the town library. Handed over before the summer readers came back; warranty until 2031.",
			lead:        "mara", team: []string{"workshop", "hanna"},
			opened: 232, closed: 62, tasks: 30,
			own: []string{
				"Ask the library which table wobbles today", "Fire certificate for the wall panels",
				"Route the cables through the table legs", "Counter at two heights, for wheelchairs",
				"Number the 32 chairs underneath", "Unload on a Monday, when the library is closed",
			},
			kind: orderKind(),
			words: words{
				"piece":   {"the reading tables", "the shelf wall", "the counter", "the window benches"},
				"client":  {"the library"},
				"wood":    {"oak", "ash"},
				"partner": {"the library", "the town's building office", "the floor layers"},
			},
		},
		{
			name:        "Chair No. 7",
			description: "A stackable chair that we can make in batches of forty and sell for under 400. Three rounds of prototypes, then a batch.",
			lead:        "ines", team: []string{"mara", "tomas", "ravi"},
			opened: 188, closed: -70, tasks: 28,
			own: []string{
				"Sit on four competitors' chairs and write it down", "Cardboard model of the back, full size",
				"Ask the test institute what EN 16139 costs", "Jig for the back legs",
				"Steam bend ten backs and count the cracks", "Stack of eight must not tip", "Second prototype with a wider seat",
				"Weigh it: under 4.8 kg?", "Price for a batch of 40", "Felt glides that stay on",
			},
			kind: chairKind(),
			words: words{
				"part": {"the back", "the seat", "the front legs", "the stretcher", "the glides"},
			},
		},
		{
			name:        "Web shop",
			description: "Sell boards, stools and Chair No. 7 without e-mailing back and forth. Ravi builds it, Hanna ships.",
			lead:        "ravi", team: []string{"hanna", "ines"},
			opened: 126, tasks: 22,
			own: []string{
				"Photograph the stools on white", "Terms, returns and imprint read by a lawyer",
				"Shipping prices by zone and weight", "Box for a stool that survives a fall",
				"Text for Chair No. 7, in three sentences", "VAT for customers in Switzerland", "Order confirmation by e-mail",
				"Pick a payment provider", "Care card for oiled wood", "Show when a piece is made to order",
				"Test order from a phone", "Gift vouchers for Christmas", "Newsletter sign-up on the front page",
				"Return label on request", "Photos of the workshop for “About us”",
				"Number of pieces left must be right after a fair", "Redirect the old address",
				"Ask five customers where they got stuck", "Cutting boards in two sizes", "Print the invoice with the parcel",
				"Statistics without cookies", "Size drawings on each page",
			},
		},
		{
			name:        "Okafor kitchen",
			description: "Kitchen for a family of five in a terraced house: ash fronts, oak worktop, a bench at the window. Fitting in the second week of January.",
			lead:        "tomas", team: []string{"mara", "jakub", "hanna"},
			opened: 78, closed: -60, tasks: 27,
			own: []string{
				"Measure again when the floor is in", "Where does the waste pipe really come out?",
				"Model of the corner cupboard in plywood", "Lift for the dog's food bin",
				"Confirm the oven's model with Mrs Okafor", "Hole for the tap: left, not in the middle",
			},
			kind: orderKind(),
			words: words{
				"piece":   {"the tall cupboards", "the drawers", "the worktop", "the window bench"},
				"client":  {"the Okafors"},
				"wood":    {"ash", "oak"},
				"finish":  {"white oil", "hard wax oil"},
				"partner": {"the Okafors", "the plumber", "the electrician"},
			},
		},
		{
			name:        "Kindergarten Sonnenweg",
			description: "Enquiry for cloakrooms and a climbing landscape for two groups. They want an offer before the town's budget closes.",
			lead:        "hanna", team: []string{"mara", "ravi", "ines"},
			opened: 15, closed: -20, tasks: 9,
			own: []string{
				"Visit on a morning with children in it", "Hook heights for ages 2 to 6",
				"Does the landscape need a TÜV inspection?", "Sketch with two caves",
				"Offer in three parts, so that they can choose", "Ask the paint maker for the toy certificate (EN 71-3)",
				"Names of two schools that can recommend us", "Date for the parents' evening",
				"Estimate hours with Mara and Ines",
			},
		},
	}
}
