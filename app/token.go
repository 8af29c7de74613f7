package app

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"tenantry/tenants/seal"
)

// tokenFile is the name of the operator's generated token, in the data folder.
const tokenFile = "operator.token"

// operatorToken is the setting, or the content of the token's file.
func (a *App) operatorToken() (string, error) {
	if a.settings.token != "" {
		return a.settings.token, nil
	}
	if err := a.makePrivate(a.settings.dataDir); err != nil {
		return "", err
	}
	token, err := loadOrCreateToken(filepath.Join(a.settings.dataDir, tokenFile))
	if err != nil {
		return "", fmt.Errorf("operator's token: %w; or set %s", err, name(operatorToken))
	}
	return token, nil
}

// loadOrCreateToken reads the token's file. If it is missing it creates one,
// with mode 0600 and a random token. Processes that do so at once all get the
// same token, and none reads a partial one.
func loadOrCreateToken(path string) (string, error) {
	token, err := loadToken(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return token, err
	}
	if err := createToken(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	return loadToken(path)
}

// loadToken reads the file, and refuses a file that others could have read.
func loadToken(path string) (string, error) {
	content, err := seal.ReadPrivate(path, maxToken+2)
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(content))
	if fault := tokenFault(token); fault != "" {
		return "", fmt.Errorf("what is in %s %s: want %s; remove it and start again to get one", path, fault, wantToken)
	}
	return token, nil
}

// createToken puts a whole file with a new token at path. It returns
// fs.ErrExist when there is one: a link, unlike a rename, replaces nothing.
func createToken(path string) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), tokenFile+".*.tmp") // 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(file.Name())) }()
	_, err = file.WriteString(strings.ToLower(rand.Text()+rand.Text()) + "\n")
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Link(file.Name(), path)
}
