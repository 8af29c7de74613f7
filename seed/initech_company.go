package seed

// initechCompany are the projects of running the service and the company.
func initechCompany() []project {
	return append([]project{
		{
			name:        "Platform and on-call",
			description: "Everything that has to be up at four in the morning. Whoever is on call writes down what woke them.",
			lead:        "ivan.horvat", team: []string{"platform", "erik.johansson"},
			opened: 330, tasks: 226,
			own: []string{
				"On-call rota for the summer", "Why did the pager stay silent on the 3rd?", "Error budget: 43 minutes a month",
				"Builds take 19 minutes: halve it", "Upgrade Postgres 16 to 18, rehearsed twice", "One login for all dashboards",
				"Chaos day: unplug a zone", "Costs by team, once a month", "Status page tells the truth within five minutes",
			},
			kind: platformKind(),
			words: words{
				"system": {
					"the main database", "the job queue", "the ingress", "the object store", "the search cluster", "the cache",
					"the build runners", "the log store", "the mail relay", "the secrets store", "the metrics server",
					"the staging cluster",
				},
				"place": {"the second zone", "arm64 nodes", "the new cluster"},
				"incident": {
					"slow log-ins", "lost webhooks", "mails sent twice", "a full disk", "time-outs at noon", "a deploy that hung",
				},
			},
		},
		{
			name:        "Data centre move",
			description: "Out of the two racks in Leipzig, into the cloud region in Frankfurt, with one night of read-only. Done in spring; racks sold.",
			lead:        "noor.aziz", team: []string{"platform", "viktor.petrov", "nadia.haddad"},
			opened: 328, closed: 206, archived: true, tasks: 126,
			own: []string{
				"Contract in Leipzig ends on 31 May", "Who depends on our fixed IP addresses?",
				"Letter to customers: one night of read-only", "Rehearsal 1, with a stopwatch", "Rehearsal 2: who calls whom?",
				"Go or no-go meeting", "The night itself", "Wipe the disks, with certificates", "Sell the racks",
			},
			kind: moveKind(),
			words: words{
				"system": {
					"the main database", "the replicas", "the file store", "the mail relay", "the VPN", "the build runners",
					"the DNS zones", "the backups", "the bank connections", "the monitoring",
				},
			},
		},
		{
			name:        "Website and pricing",
			description: "New pages for the three trades that buy most, three plans instead of five, prices that one can understand.",
			lead:        "nils.eriksen", team: []string{"marketing", "growth", "maya.cohen"},
			opened: 196, closed: -30, tasks: 122,
			own: []string{
				"Talk to twelve customers about the price", "Grandfather the old plans until 2028", "Comparison table, honest",
				"Photos of real customers instead of stock", "Accountants get a page of their own",
				"Cookie banner: can we do without?",
			},
			kind: marketingKind(),
			words: words{
				"page": {
					"the front page", "the pricing page", "the page for bakeries", "the page for craftsmen",
					"the page for practices", "the accountants' page", "the careers page", "the comparison page",
				},
				"channel": {
					"the newsletter", "the search ads", "the trade fair in Hanover", "the partner programme", "the podcast",
					"the webinar",
				},
			},
		},
	}, initechOffice()...)
}

// initechOffice are the projects around customers, colleagues and auditors.
func initechOffice() []project {
	return []project{
		{
			name:        "Customer support",
			description: "Answers within four hours, and fewer reasons to ask. What comes up three times becomes a task here.",
			lead:        "tereza.dvorak", team: []string{"support", "omar.farouk"},
			opened: 332, tasks: 124,
			own: []string{
				"Saturday shift: who, and what for?", "Tone: fewer exclamation marks", "Answers for the January rush",
				"Phone line: 40 calls a day, 9 are wrong numbers", "Tag tickets by cause, not by mood",
			},
			kind: supportKind(),
			words: words{
				"topic": {
					"bank consent", "VAT on deposits", "deleted invoices", "user rights", "import from a spreadsheet",
					"reminder mails", "password resets", "the year-end", "cancelling", "tax adviser access",
				},
				"tool": {"the help centre", "the ticket form", "the chat widget", "the phone menu", "the macros"},
			},
		},
		{
			name:        "People and hiring",
			description: "Eight hires this year, a fair salary grid, an office that people like to come to.",
			lead:        "ruth.meyer", team: []string{"people", "leads"},
			opened: 315, tasks: 96,
			own: []string{
				"Salary grid: publish it inside", "Parental leave policy, both parents", "Team days in Tallinn: hotel for 45",
				"Exit interviews: what do we learn?", "Desk lamps for the north side", "Works council election: give them a room",
			},
			kind: peopleKind(),
			words: words{
				"role": {
					"backend engineer", "product manager", "site reliability engineer", "mobile engineer", "support agent",
					"designer", "accountant", "data analyst",
				},
				"policy": {"remote work", "travel", "learning budget", "sick leave", "company bikes", "on-call pay"},
				"team":   {"banking", "mobile", "platform", "invoicing", "support"},
			},
		},
		{
			name:        "ISO 27001",
			description: "Certificate by the second quarter: larger customers ask for it. External audit in two stages.",
			lead:        "erik.johansson", team: []string{"ben.carter", "grace.kimani", "carlos.vega", "ruth.meyer"},
			opened: 104, closed: -150, tasks: 86,
			own: []string{
				"Choose an auditor", "Statement of applicability, first draft", "Scope: with or without the phone app?",
				"Risk workshop, half a day", "Internal audit with someone from outside", "Shredder for the second floor",
			},
			kind: auditKind(),
			words: words{
				"control": {
					"access reviews", "backups", "supplier checks", "laptop encryption", "change management", "logging",
					"incident response", "joiners and leavers", "physical access", "secure deletion",
				},
				"team": {"platform", "support", "people", "banking"},
			},
		},
	}
}
