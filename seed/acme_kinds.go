package seed

// orderKind is furniture to order, from the sketch to the last invoice.
func orderKind() kind {
	return kind{
		start: []string{
			"Sketch {piece} for {client}", "Take measurements for {piece}", "Offer for {piece}",
			"Choose boards for {piece} with {client}", "Sample in {wood} with {finish}", "Cutting list for {piece}",
			"Working drawing of {piece}, 1:10",
		},
		build: []string{
			"Rough cut for {piece}", "Plane and thickness {wood} for {piece}", "Glue up {piece}", "Dovetails for {piece}",
			"Edge {piece}", "Order fittings for {piece}", "Sand {piece} to 180", "Dry fit of {piece}",
			"First coat of {finish} on {piece}",
		},
		finish: []string{
			"Second coat of {finish} on {piece}", "Load {piece}", "Fit {piece}", "Adjust {piece} on site",
			"Photos of {piece} for the website", "Hand over {piece}", "Care instructions for {client}",
			"Final invoice to {client}",
		},
		ongoing: []string{
			"Call {partner} about the date", "Send {partner} the minutes of the visit", "Repair a dent in {piece}",
			"Check hours on {piece} against the offer", "Buy {wood}, 40 mm, for {piece}", "Part payment from {client}",
		},
	}
}

// chairKind is a piece developed for the workshop's own account.
func chairKind() kind {
	return kind{
		start: []string{"Draw {part} full size", "Try {part} in {wood}", "Turn a model of {part}"},
		build: []string{
			"Jig for {part}", "Shape {part} of prototype 2", "Break {part} on purpose", "Template for {part} in birch ply",
			"Time {part} from start to finish",
		},
		finish: []string{
			"Drawing of {part} for the file", "Batch of 40: {part}", "Quality card for {part}",
			"Sand {part} without a scratch at 240",
		},
		ongoing: []string{
			"Change {part} after sitting a day on it", "Compare {wood} and beech for {part}", "Try {finish} on {part}",
		},
	}
}

// workshopKind is looking after machines and stock.
func workshopKind() kind {
	return kind{
		ongoing: []string{
			"Write a card: how to set up {machine}", "Count {stock}", "Order a spare belt for {machine}",
			"Move {machine} 30 cm from the wall", "Price list 2027: {stock}", "Yearly inspection of {machine}", "Reorder {stock}",
			"Clean and grease {machine}", "Sharpen the blades of {cutter}", "Find out why {machine} rattles",
			"Align the fence of {cutter}", "Teach the apprentice {cutter}", "Compare prices for {stock}",
			"New emergency stop for {machine}", "Sweep under {machine}",
		},
	}
}
