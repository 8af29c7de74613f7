package seed

// buildingKind is a building from the brief to the snag list.
func buildingKind() kind {
	return kind{
		start: []string{
			"Brief for {element} with {client}", "Variants for {element}", "Ask {engineer} for a first opinion on {element}",
			"Area check of {element}", "Pre-application talk with {authority}", "Cost estimate for {element}",
			"Working model of {element}, 1:50", "Present {element} to {client}",
		},
		build: []string{
			"Issue {drawing} for the permit", "Answer the questions of {authority} about {element}",
			"Co-ordinate {element} with {engineer}", "Detail {element}, 1:20", "Tender text for {trade}",
			"Fire strategy for {element}", "Clash check: {element} against the ducts",
			"Update {drawing} after the co-ordination meeting", "Cost calculation for {trade}", "Material samples for {element}",
		},
		finish: []string{
			"Compare the bids for {trade}", "Recommend a contractor for {trade} to {client}", "Kick-off on site: {trade}",
			"Check shop drawings: {trade}", "Site visit: {element}", "Variation order 0{number}: {trade}",
			"Snag list for {trade}", "Check the invoice for {trade}", "Acceptance of {element} with {client}",
			"As-built drawings of {element}",
		},
		ongoing: []string{
			"Minutes of the meeting with {client}", "Chase {engineer} for {drawing}", "Revise {drawing}",
			"Send {drawing} to {engineer}", "Decision from {client} on {element}", "Photos of {element} for the file",
			"Update the programme: {trade}",
		},
	}
}

// studyKind is a study or a competition entry.
func studyKind() kind {
	return kind{
		start: []string{
			"Test {idea} in a site section", "References for {idea}", "Sketch {idea} at 1:500", "Pin-up: {idea}",
			"Layout of {sheet}",
		},
		build: []string{
			"Draw {idea} at 1:200", "Areas and cost of {idea}", "Check {idea} with {engineer}", "Foam model of {idea}",
			"Draft {sheet}", "Ask {authority} about {idea}",
		},
		finish: []string{
			"Rendering of {idea}, evening light", "Proofread {sheet}", "Print {sheet} on the good paper",
			"Second pair of eyes on {sheet}", "{idea}: keep it or drop it?",
		},
		ongoing: []string{"Friday review: {idea}", "Send {sheet} to {engineer}", "Update {sheet}"},
	}
}

// standardKind is the office's agreement on how to draw.
func standardKind() kind {
	return kind{
		start: []string{
			"How do we name {object} today?", "Collect the best {object} of the last three jobs", "Proposal: {object}",
		},
		build: []string{
			"Build {object} for the library", "Parameters of {object}", "Try {object} on the school", "Try {object} on block C",
		},
		finish: []string{"Page on {object} for the handbook", "Show {object} at the Monday meeting", "Release {object}"},
		ongoing: []string{
			"Fix {object} in the schedule", "Line weights of {object} at 1:100", "IFC export drops {object}",
			"Review complaints about {object}",
		},
	}
}

// officeKind is what an office manager does.
func officeKind() kind {
	return kind{
		ongoing: []string{
			"Three offers for {thing}", "What do we pay for {thing}?", "Change the supplier of {thing}", "Advertise: {post}",
			"Interviews: {post}", "Cancel the old contract for {thing}", "Contract: {post}", "First week plan: {post}",
			"Hours and invoices, {month}", "Someone to look at {thing}", "Safety round, {month}", "Forecast of hours, {month}",
			"Instructions for {thing} on the wall", "Staff meeting, {month}",
		},
	}
}
