package handlers

import (
	"fmt"
	"strings"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/account"
	"tenantry/handlers/request"
	"tenantry/tenants"
	"tenantry/tenants/jobs"

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
	found, err := findContacts(tx, request.ReadQuery(c))
	return request.WriteList(c, found, err, viewContact)
}

// findContacts returns the page of contacts that the query asks for.
func findContacts(tx *gorm.DB, q *request.Query) (request.Found[models.Contact], error) {
	return request.FindPage(tx, q, q.Page("contacts", request.Order{Columns: []string{"id"}}), contactKeys)
}

// CreateContact adds a contact, and records who did.
func CreateContact(c *gin.Context, tx *gorm.DB) error {
	in, err := request.ReadInput(c)
	if err != nil {
		return err
	}
	who := account.Current(c)
	contact := models.Contact{AuthorID: &who.UserID}
	in.Require("name", "phone")
	request.Member(in, "name", &contact.Name, request.Line(200))
	request.Member(in, "phone", &contact.Phone, request.Line(50))
	if err := in.Done(); err != nil {
		return err
	}
	if !strings.HasPrefix(contact.Phone, "+") {
		contact.Phone = tenants.Settings[models.Settings](tx).CountryCode + " " + contact.Phone
	}
	if err := tx.Create(&contact).Error; err != nil {
		return err
	}
	if err := account.RecordCreated(tx, who, account.Subject{Kind: "contact", ID: contact.ID, Name: contact.Name}); err != nil {
		return err
	}
	if err := jobs.Enqueue(tx, compare{contact.ID}, jobs.Options{}); err != nil {
		return err
	}
	request.WriteCreated(c, fmt.Sprintf("/api/contacts/%d", contact.ID), viewContact(contact))
	return nil
}

// GetContact shows the contact whose id is in the path.
func GetContact(c *gin.Context, tx *gorm.DB) error {
	contact, err := request.Take[models.Contact](tx, request.PathID(c))
	return request.WriteRow(c, contact, err, viewContact)
}
