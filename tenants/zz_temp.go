package tenants

type SchemaError struct{}

func (*SchemaError) Error() string { return "" }
