package app

import "tenantry/handlers/auth"

// CheckEmail returns an error if no admin can have the e-mail address.
func CheckEmail(email string) error { return auth.CheckEmail(email) }

// CheckPassword returns an error if the password breaks a rule for new passwords.
func CheckPassword(password string) error { return auth.CheckPassword(password) }
