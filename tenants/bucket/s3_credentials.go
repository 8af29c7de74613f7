package bucket

import (
	"errors"
	"os"

	"github.com/minio/minio-go/v7/pkg/credentials"
)

var errNoCredentials = errors.New("there are no credentials")

// credentials returns what is asked for credentials, in the order of the S3 tools. Only Amazon's machines are asked for
// their role, since others have none.
func (s S3) credentials() *credentials.Credentials {
	if s.AccessKey != "" {
		return credentials.NewStaticV4(s.AccessKey, s.SecretKey, "")
	}
	providers := []credentials.Provider{&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}}
	if s.Endpoint == "" && os.Getenv("AWS_EC2_METADATA_DISABLED") != "true" {
		providers = append(providers, &credentials.IAM{})
	}
	return credentials.New(&required{credentials.Chain{Providers: providers}})
}

// required returns an error where Chain would go on without credentials.
type required struct{ credentials.Chain }

// RetrieveWithCredContext returns errNoCredentials if there are none.
func (r *required) RetrieveWithCredContext(c *credentials.CredContext) (credentials.Value, error) {
	value, err := r.Chain.RetrieveWithCredContext(c)
	if err == nil && (value.AccessKeyID == "" || value.SecretAccessKey == "") {
		err = errNoCredentials
	}
	return value, err
}

// Retrieve is like RetrieveWithCredContext.
func (r *required) Retrieve() (credentials.Value, error) { return r.RetrieveWithCredContext(nil) }
