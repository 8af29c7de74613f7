package app

import "tenantry/handlers/auth"

// CheckEmail returns an error if no admin can have the e-mail address.
func CheckEmail(email string) error { return auth.CheckEmail(email) }

// CheckPassword returns an error if nobody may choose the password.
func CheckPassword(password string) error { return auth.CheckPassword(password) }
