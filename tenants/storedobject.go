package tenants

// StoredObject is an object of the backups' storage, as it is stored there: encrypted.
type StoredObject struct {
	Key string `json:"key"`
	// Size is in bytes, and SHA256 is the hash of them, in hexadecimal digits.
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}
