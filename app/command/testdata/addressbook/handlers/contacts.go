package handlers

import (
	"fmt"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/account"
	"tenantry/handlers/request"

	"example.com/addressbook/models"
)

// contactJSON is the representation of a contact.
type contactJSON struct {
	ID       int64  `json:"id"`
	Name     string `json:"name"`
	Phone    string `json:"phone"`
	AuthorID *int64 `json:"author_id"`
}

func viewContact(m models.Contact) contactJSON {
	return contactJSON{ID: m.ID, Name: m.Name, Phone: m.Phone, AuthorID: m.AuthorID}
}

func contactKeys(m models.Contact) []int64 { return []int64{m.ID} }

// ListContacts lists the contacts, the oldest first.
func ListContacts(c *gin.Context, tx *gorm.DB) error {
	found, err := findContacts(c, tx)
	return request.WriteList(c, found, err, viewContact)
}

// findContacts returns the page of contacts that the query asks for.
func findContacts(c *gin.Context, tx *gorm.DB) (request.Found[models.Contact], error) {
	var bad request.Faults
	page := request.ReadPage(c, &bad, "contacts", request.Order{Columns: []string{"id"}})
	if err := bad.Err(); err != nil {
		return request.Found[models.Contact]{}, err
	}
	return request.FindPage(tx, page, contactKeys)
}

// CreateContact adds a contact, and records who did.
func CreateContact(c *gin.Context, tx *gorm.DB) error {
	in, err := request.ReadInput(c)
	if err != nil {
		return err
	}
	contact := models.Contact{AuthorID: &account.Current(c).UserID}
	in.Require("name", "phone")
	request.Member(in, "name", &contact.Name, request.Line(200))
	request.Member(in, "phone", &contact.Phone, request.Line(50))
	if err := in.Done(); err != nil {
		return err
	}
	if err := tx.Create(&contact).Error; err != nil {
		return err
	}
	if err := account.RecordCreated(c, tx, account.Subject{Kind: "contact", ID: contact.ID, Name: contact.Name}); err != nil {
		return err
	}
	request.WriteCreated(c, fmt.Sprintf("/api/contacts/%d", contact.ID), viewContact(contact))
	return nil
}

// GetContact shows the contact whose id is in the path.
func GetContact(c *gin.Context, tx *gorm.DB) error {
	contact, err := request.TakeRow[models.Contact](c, tx)
	if err == nil {
		c.JSON(200, viewContact(contact))
	}
	return err
}
