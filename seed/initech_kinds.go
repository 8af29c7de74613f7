package seed

// productKind is software that customers use.
func productKind() kind {
	return kind{
		start: []string{
			"Interview three customers about {feature}", "Spec for {feature}", "Sketch {feature}", "Estimate {feature}",
			"Who may use {feature}?", "How do others do {feature}?", "Collect tickets about {feature}",
			"Data model for {feature}", "Spike: {feature} without touching {service}", "Click dummy of {feature}",
			"Break {feature} into stories", "Ask {customer} what they expect of {feature}",
		},
		build: []string{
			"First version of {feature}", "Put {feature} behind a flag", "Migration for {feature}", "Endpoints for {feature}",
			"Show {feature} on {screen}", "Validate input for {feature}", "Audit log for {feature}", "Unit tests for {feature}",
			"End-to-end test: {feature}", "Handle {feature} in {service}", "Permissions for {feature}", "Undo for {feature}",
			"Better error messages for {feature}", "Pair on {feature} for an afternoon",
		},
		finish: []string{
			"Try {feature} with data from {customer}", "Switch {feature} on for {customer}", "Switch {feature} on for everyone",
			"Remove the flag of {feature}", "Help page: {feature}", "Screenshots of {feature} for the release notes",
			"How many use {feature}?", "Short video on {feature}", "Translate {feature} into German and French",
			"Announce {feature}", "Ask {customer} how {feature} works for them", "Load test of {service}",
			"Accessibility of {screen}", "Retrospective: {feature}",
		},
		ongoing: []string{
			"Fix {symptom} on {screen}", "Fix {symptom} on {screen} {condition}", "{customer} sees {symptom} on {screen}",
			"Empty state for {screen}", "Loading state of {screen}", "Remember the filters of {screen}", "Speed up {screen}",
			"Time-out for {service}", "Retry {service} with back-off", "Log slow calls of {service}",
			"Alert when {service} fails", "Runbook for {service}", "Flaky test in {service}", "Dashboard for {service}",
			"Update the dependencies of {service}", "Dead code in {service}", "Trace {service} end to end",
			"Restart {service} without losing anything", "Wording on {screen}", "Reproduce {symptom} {condition}",
			"Explain {service} to the new ones",
		},
	}
}

// designKind is a library of components.
func designKind() kind {
	return kind{
		start: []string{
			"Inventory of {component}", "Audit {component} on {page}", "Variants of {component}",
			"Research: {component} in five products",
		},
		build: []string{
			"Draw {component}", "Build {component} for the web", "Build {component} for mobile", "Tokens for {component}",
			"Story for {component}: {aspect}", "Review {component} with engineering",
		},
		finish: []string{
			"Document {component}", "Replace {component} on {page}", "Visual tests for {component}",
			"Delete the old styles of {component}", "Announce {component} in the guild",
		},
		ongoing: []string{
			"{component}: fix the {aspect}", "Check the {aspect} of {component}", "Question from mobile about {component}",
			"Spacing of {component} on {page}",
		},
	}
}

// platformKind is keeping a service up.
func platformKind() kind {
	return kind{
		ongoing: []string{
			"Draw {system} as it is", "Cost of {system} per month", "Single points of failure in {system}",
			"Retention in {system}", "Owner for {system}", "Put {system} under Terraform", "Move {system} to {place}",
			"Health check for {system}", "Restrict access to {system}", "Rolling restarts of {system}", "Limits for {system}",
			"Runbook for {system}", "Restore drill: {system}", "Load test {system} at twice the peak",
			"Handbook page on {system}", "Hand {system} to the next on call", "Upgrade {system}", "Alert on {signal} of {system}",
			"Silence the noisy alert on {signal} of {system}", "Post-mortem: {incident}",
			"Post-mortem of {incident} after the change to {system}", "Capacity plan for {system}",
			"Rotate the credentials of {system}", "Patch {system}", "Graph {signal} of {system}", "Clean up {system}",
			"Investigate {signal} of {system} at night", "Follow-up to {incident}: {system}",
		},
	}
}

// moveKind is moving machines from one place to another.
func moveKind() kind {
	return kind{
		start: []string{
			"Inventory: {system}", "Who uses {system}?", "Size of {system} in Frankfurt", "Plan and way back for {system}",
		},
		build: []string{
			"Build {system} in Frankfurt", "Replicate {system}", "Firewall for {system}", "Test {system} in Frankfurt",
			"Monitor {system} in both places", "Compare checksums of {system}",
		},
		finish: []string{
			"Switch {system} to Frankfurt", "Watch {system} for a week", "Turn {system} off in Leipzig",
			"Correct the docs of {system}", "Compare the bills for {system}",
		},
		ongoing: []string{
			"Latency of {system} from Leipzig", "Copy of {system} broke off: resume", "Rights on {system} for the contractors",
			"Weekly check of {system}",
		},
	}
}

// marketingKind is pages and campaigns.
func marketingKind() kind {
	return kind{
		start: []string{
			"Brief for {page}", "Keywords for {page}", "Goal and budget for {channel}",
			"Look at five competitors' version of {page}",
		},
		build: []string{
			"Write {page}", "Layout of {page}", "Build {page}", "Quote from {customer} for {page}", "Material for {channel}",
			"Film at {customer}",
		},
		finish: []string{
			"Proofread {page}", "Publish {page}", "Results of {channel}", "French version of {page}",
			"Thank {customer} for their help with {page}",
		},
		ongoing: []string{
			"A/B test of the headline on {page}", "Load time of {page}", "Numbers of {channel} for the month",
			"Visit {customer} for a story", "Fix the form on {page}", "Pictures for {channel}", "Update {page} for the new plans",
			"Ideas for {channel}",
		},
	}
}

// supportKind is answering people, and giving them less to ask.
func supportKind() kind {
	return kind{
		ongoing: []string{
			"Why do so many ask about {topic}?", "Count tickets about {topic}", "Article on {topic}", "Macro for {topic}",
			"Video on {topic}", "Short cut for {topic} in {tool}", "Did the article on {topic} help?", "Teach the team {topic}",
			"Tidy {tool}", "Call {customer} about {topic}", "Escalate {topic} for {customer} to engineering",
			"Update the article on {topic}", "Improve {tool}", "Weekly report: {topic}", "Refund for {customer}?",
			"Review ten answers on {topic}",
		},
	}
}

// peopleKind is hiring and looking after people.
func peopleKind() kind {
	return kind{
		start: []string{"Profile: {role}", "Ask the {team} team what they need", "Draft policy: {policy}"},
		build: []string{
			"Advertise: {role}", "Screen applications: {role}", "Interviews: {role}",
			"Discuss the {policy} policy with the leads",
		},
		finish: []string{
			"Offer: {role}", "First month of the new {role}", "Publish the {policy} policy", "Thank and decline: {role}",
		},
		ongoing: []string{
			"Talks with the {team} team", "Trial day: {role}", "Question about {policy}", "Budget for {policy}",
			"Reference calls: {role}", "Retrospective with the {team} team",
		},
	}
}

// auditKind is getting a certificate.
func auditKind() kind {
	return kind{
		start: []string{"Gap analysis: {control}", "Owner for {control}", "Risks around {control}"},
		build: []string{
			"Policy: {control}", "Procedure for {control} in the {team} team", "Tool for {control}",
			"Train the {team} team in {control}",
		},
		finish: []string{"Evidence for {control}", "Test of {control}", "Finding on {control}: close it"},
		ongoing: []string{
			"Quarterly check: {control}", "Question from the auditor on {control}", "Exception for the {team} team: {control}",
			"Interview the {team} team on {control}",
		},
	}
}
