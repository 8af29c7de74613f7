package tenants

// Client is a command-line client, connected to one tenant's database.
type Client struct {
	// Program is the client's name, without its folder.
	Program string
	// Args come before what the user adds. They contain no secret.
	Args []string
	// Env has variables as KEY=VALUE. It may contain the tenant's password.
	Env []string
	// Unset are variables that the client must not inherit.
	Unset []string
}

// Interactive is an Engine that has a command-line client.
type Interactive interface {
	Engine
	// Client returns the client for the tenant's database, which it doesn't open. Without write the client's sessions
	// begin as read-only ones.
	Client(t *Tenant, write bool) (Client, error)
}
