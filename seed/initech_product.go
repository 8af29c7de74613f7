package seed

// initechProduct are the projects that make the product, the largest first.
func initechProduct() []project {
	return append([]project{
		{
			name:        "Invoicing",
			description: "Write, send and chase invoices. Goal for the year: from work done to money in the bank without a spreadsheet.",
			lead:        "priya.raman", team: []string{"invoicing", "hiro.nakamura"},
			opened: 334, tasks: 224,
			own: []string{
				"Decide: round VAT per line or per invoice", "Invoice numbers must have no gaps, even after a crash",
				"Read the XRechnung specification again, chapter 11", "Peppol: certificate for production",
				"What happens to a reminder on a public holiday?", "Credit note for half an invoice",
				"PDF/A validator in the pipeline", "Swiss QR bill: spaces in the IBAN",
				"Northwind Bikes sends 4,000 invoices at once: talk to them", "Retire the old template editor",
			},
			kind: productKind(),
			words: words{
				"feature": {
					"recurring invoices", "partial payments", "deposit invoices", "discounts per line", "reminders", "e-invoices",
					"quotes", "delivery notes", "late fees", "invoices in other currencies",
				},
				"screen": {
					"the invoice list", "the invoice editor", "the reminder settings", "the customer page", "the PDF preview",
					"the quote list", "the payment dialog",
				},
				"service": {
					"the PDF renderer", "the reminder run", "the number sequence", "the mail queue", "the exchange rate import",
					"the e-invoice gateway",
				},
			},
		},
		{
			name:        "Bank feeds",
			description: "Statements come in by themselves and match the open invoices. 31 banks by PSD2, the rest by file.",
			lead:        "stefan.ilic", team: []string{"banking", "elena.popescu"},
			opened: 322, tasks: 194,
			own: []string{
				"Consent ends after 180 days: warn a week before", "CAMT.053 with two balances",
				"Which bank sends the booking date in local time?", "Same amount, same day, two invoices: ask",
				"Sandbox of the third aggregator is down again", "Ask the regulator about storing raw statements",
				"Import from CSV, the fifteen dialects we know", "Replay March for the banks that sent duplicates",
			},
			kind: productKind(),
			words: words{
				"feature": {
					"matching rules", "split bookings", "cash accounts", "credit card feeds", "file import", "consent renewal",
					"transfers between own accounts", "booking suggestions", "undo of a match",
				},
				"screen": {
					"the match inbox", "the account overview", "the rule editor", "the import wizard", "the consent page",
					"the booking detail",
				},
				"service": {
					"the matcher", "the statement poller", "the aggregator client", "the duplicate filter", "the CAMT parser",
					"the consent store",
				},
			},
		},
		{
			name:        "Reports and VAT",
			description: "What the tax adviser wants to see, on time and right to the cent: VAT returns for five countries, profit and loss, open items.",
			lead:        "greta.olsen", team: []string{"reports", "maya.cohen"},
			opened: 310, tasks: 182,
			own: []string{
				"VAT return for Austria changes in January", "Compare our totals with the advisers' for 20 firms",
				"Reverse charge on the profit and loss", "Locked periods: who may unlock?", "DATEV export: leading zeros",
				"Balance sheet opens in 11 s for the largest account", "Numbers as text in Excel, again",
			},
			kind: productKind(),
			words: words{
				"feature": {
					"the VAT return", "the open items list", "profit and loss", "cost centres", "period locks",
					"the DATEV export", "cash flow forecast", "comparison with last year", "depreciation",
				},
				"screen": {
					"the report builder", "the VAT overview", "the export dialog", "the ledger", "the period settings",
					"the dashboard charts",
				},
				"service": {
					"the report cache", "the tax gateway", "the ledger aggregates", "the export worker", "the spreadsheet writer",
				},
			},
		},
		{
			name:        "Mobile app",
			description: "Receipts, time and approvals from the phone, iOS and Android from one code base. Works in a basement without a signal.",
			lead:        "ana.torres", team: []string{"mobile", "hiro.nakamura", "kate.murphy"},
			opened: 271, tasks: 174,
			own: []string{
				"Store review refused us: screenshots show a price", "Receipt photo in the dark: torch or hint?",
				"Battery: background sync every 15 minutes is too much", "Beta group of 40 customers", "Drop Android 9?",
				"Crash on foldable phones", "Face ID before opening the app", "Widget with today's open invoices",
			},
			kind: productKind(),
			words: words{
				"feature": {
					"receipt capture", "offline drafts", "push notifications", "approvals", "time tracking", "mileage",
					"barcode scan", "sharing to the app", "biometric login",
				},
				"screen": {
					"the camera screen", "the receipt list", "the start screen", "the approval sheet", "the settings tab",
					"the time sheet",
				},
				"service": {
					"the sync engine", "the image upload", "the push gateway", "the text recognition", "the local database",
				},
			},
		},
	}, initechAccess()...)
}

// initechAccess are the projects about how customers and their software get in.
func initechAccess() []project {
	return []project{
		{
			name:        "Public API",
			description: "REST and webhooks for customers' shops and tax advisers' tools. Version 1 stays for five years.",
			lead:        "farah.rahimi", team: []string{"identity", "chidi.eze", "rahul.desai"},
			opened: 241, tasks: 134,
			own: []string{
				"Cursor or page numbers? Cursor.", "Error codes: RFC 9457 everywhere",
				"Ferreira Transport polls 90 times a minute", "Names of the webhook events", "Deprecation policy on one page",
				"Postman collection from the OpenAPI file", "Idempotency keys: keep them for how long?",
			},
			kind: productKind(),
			words: words{
				"feature": {
					"webhooks", "bulk updates", "API tokens", "scopes", "idempotency keys", "the sandbox account", "rate limits",
					"the OpenAPI file",
				},
				"screen":  {"the token page", "the webhook log", "the developer docs", "the API explorer", "the usage chart"},
				"service": {"the webhook sender", "the rate limiter", "the token store", "the API gateway", "the docs generator"},
			},
		},
		{
			name:        "Single sign-on",
			description: "SAML and OIDC for firms of 20 and more, with users coming from the directory. Sold since June.",
			lead:        "daniel.novak", team: []string{"identity", "noor.aziz"},
			opened: 297, closed: 88, tasks: 104,
			own: []string{
				"Pick a SAML library that is maintained", "What if the certificate expires on a Sunday?",
				"Penetration test of the login", "Price: part of the large plan", "First customer live: Alpine Roofing",
				"Way back in for an admin who locked everybody out",
			},
			kind: productKind(),
			words: words{
				"feature": {
					"SAML login", "OIDC login", "directory sync", "enforced sign-on", "recovery codes", "group mapping",
					"session limits",
				},
				"screen": {
					"the login page", "the identity provider form", "the session list", "the user list", "the recovery page",
				},
				"service": {"the SAML endpoint", "the session store", "the directory worker", "the certificate check"},
			},
		},
		{
			name:        "Onboarding and trial",
			description: "Half of all trials end on day two. Find out why, and get people to their first invoice in ten minutes.",
			lead:        "sara.lund", team: []string{"growth", "elena.popescu", "tom.bakker", "aisha.bello"},
			opened: 158, closed: -60, tasks: 118,
			own: []string{
				"Watch eight people sign up, say nothing", "Where do they leave? Funnel by step", "Ask for the VAT number later",
				"Demo data or an empty account?", "Trial ends on a Sunday: extend to Monday",
				"Call everybody who leaves on day two, for a week",
			},
			kind: productKind(),
			words: words{
				"feature": {
					"the sign-up form", "demo data", "the checklist", "import from a competitor", "the welcome mails",
					"the trial extension", "the plan picker",
				},
				"screen": {
					"the first page after sign-up", "the company form", "the plan page", "the checklist panel", "the import page",
				},
				"service": {"the sign-up service", "the event tracking", "the trial mailer", "the billing provider"},
			},
		},
		{
			name:        "Design system",
			description: "One set of components for web and mobile, documented, accessible, in two themes.",
			lead:        "hiro.nakamura", team: []string{"design", "julia.schmidt", "marta.silva", "emma.wright"},
			opened: 284, tasks: 132,
			own: []string{
				"Eleven greys: reduce to five", "Names: primary or brand?", "Licence of the icon font",
				"Figma library for the new colours", "Contrast 4.5:1 for all text", "Print style sheet",
			},
			kind: designKind(),
			words: words{
				"component": {
					"buttons", "the date picker", "tables", "dialogs", "toasts", "form fields", "the money input", "tabs",
					"the side bar", "tooltips", "empty states", "the command menu",
				},
				"aspect": {
					"focus ring", "dark theme", "right-to-left layout", "touch size", "loading state", "disabled state",
					"German line breaks", "screen reader text",
				},
				"page": {"the invoice editor", "the match inbox", "the login page", "the settings page", "the report builder"},
			},
		},
	}
}
