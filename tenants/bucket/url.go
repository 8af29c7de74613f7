package bucket

import (
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
)

// WantURL describes the URLs of buckets, for people.
const WantURL = "file:///FOLDER, or s3://BUCKET/PREFIX?endpoint=https://HOST&region=REGION without credentials, which are read from the environment"

var namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// readURL reads the URL of a folder, whose path it returns, or of an S3 bucket.
func readURL(text string) (folder string, s *S3, err error) {
	u, err := url.Parse(text)
	if err != nil {
		return "", nil, fmt.Errorf("%w: it can't be read as a URL", ErrURL)
	}
	fault := "it must begin with file:/// or s3://"
	switch {
	case u.User != nil:
		fault = "credentials belong into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
	case u.Fragment != "":
		fault = "what follows # has no meaning"
	case u.Scheme == "file":
		folder, fault = u.Path, readFolder(u)
	case u.Scheme == "s3":
		s, fault = readS3(u)
	}
	if fault != "" {
		return "", nil, fmt.Errorf("%w: %s", ErrURL, fault)
	}
	return folder, s, nil
}

// FolderURL returns the URL of a folder, whose path must be absolute.
func FolderURL(path string) string { return (&url.URL{Scheme: "file", Path: path}).String() }

// Folder returns the path of the folder of a URL, and false for the URL of another bucket.
func Folder(text string) (path string, ok bool) {
	path, s3, err := readURL(text)
	return path, err == nil && s3 == nil
}

// readFolder returns what is wrong with the URL of a folder.
func readFolder(u *url.URL) (fault string) {
	if u.Host != "" || !strings.HasPrefix(u.Path, "/") || u.RawQuery != "" || strings.ContainsRune(u.Path, 0) {
		return "a folder is file:///PATH, with three slashes"
	}
	return ""
}

// readS3 reads the URL of an S3 bucket, or returns what is wrong with it.
func readS3(u *url.URL) (s *S3, fault string) {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, "what follows ? can't be read"
	}
	for name, values := range query {
		if !slices.Contains([]string{"endpoint", "region", "path-style"}, name) || len(values) != 1 || values[0] == "" {
			return nil, "what may follow ? is endpoint=, region= and path-style=, each once"
		}
	}
	s = &S3{Bucket: u.Host, Prefix: strings.Trim(u.Path, "/"), Endpoint: query.Get("endpoint"), Region: query.Get("region"), PathStyle: query.Get("path-style")}
	if s.Region == "" {
		s.Region = os.Getenv("AWS_REGION")
	}
	if s.Region == "" {
		s.Region = os.Getenv("AWS_DEFAULT_REGION")
	}
	return s, s.fault()
}

// fault returns what is wrong with the bucket's address.
func (s *S3) fault() string {
	endpoint, err := url.Parse(s.Endpoint)
	switch {
	case !namePattern.MatchString(s.Bucket) || strings.Contains(s.Bucket, ".."):
		return "the name of an S3 bucket is 3 to 63 lower-case letters, digits, hyphens and periods"
	case s.Prefix != "" && checkKey(s.Prefix) != nil:
		return "the prefix is made of letters, digits, periods, underscores, hyphens and slashes"
	case s.Endpoint == "":
	case err != nil || endpoint.Host == "" || endpoint.User != nil || endpoint.RawQuery != "" || strings.Trim(endpoint.Path, "/") != "":
		return "the endpoint is https://HOST or http://HOST:PORT"
	case endpoint.Scheme != "https" && endpoint.Scheme != "http":
		return "the endpoint is https://HOST or http://HOST:PORT"
	}
	if !slices.Contains([]string{"", "true", "false"}, s.PathStyle) {
		return "path-style is true or false"
	}
	return ""
}
