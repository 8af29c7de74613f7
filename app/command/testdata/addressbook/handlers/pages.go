package handlers

import (
	"embed"
	"io/fs"
	"net/http"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/pages"
	"tenantry/handlers/request"

	"example.com/addressbook/models"
)

//go:embed templates
var templateFiles embed.FS

// templates are the application's pages.
func templates() fs.FS {
	folder, _ := fs.Sub(templateFiles, "templates") // the name is valid
	return folder
}

// contactsPage is what the template contacts.html shows.
type contactsPage struct {
	Contacts []models.Contact
	// Next is the address of the next page, or "" on the last.
	Next string
}

// showContacts returns the handler of the page of contacts.
func showContacts(site *pages.Site) func(c *gin.Context, tx *gorm.DB) error {
	return func(c *gin.Context, tx *gorm.DB) error {
		found, err := findContacts(tx.Preload("Author"), request.ReadQuery(c))
		if err != nil {
			return err
		}
		page := contactsPage{Contacts: found.Rows}
		if found.Next != nil {
			page.Next = "/?after=" + *found.Next
		}
		site.Show(c, http.StatusOK, "contacts", "Contacts", "/", page)
		return nil
	}
}
