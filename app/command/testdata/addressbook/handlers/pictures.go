package handlers

import (
	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/request"
	"tenantry/handlers/uploads"
	"tenantry/tenants/files"

	"example.com/addressbook/models"
)

// MaySetPicture returns gorm.ErrRecordNotFound if the contact in the path isn't there.
func MaySetPicture(c *gin.Context, tx *gorm.DB) error {
	_, err := request.Take[models.Contact](tx, request.PathID(c))
	return err
}

// SetPicture makes the received file the contact's picture, instead of the one before.
func SetPicture(c *gin.Context, tx *gorm.DB) error {
	if err := MaySetPicture(c, tx); err != nil {
		return err
	}
	row, err := uploads.Received(c).Keep(tx)
	if err != nil {
		return err
	}
	var before []models.Picture
	if err := tx.Find(&before, "contact_id = ?", request.PathID(c)).Error; err != nil {
		return err
	}
	if err := tx.Save(&models.Picture{ContactID: request.PathID(c), FileID: row.ID}).Error; err != nil {
		return err
	}
	for _, p := range before {
		if err := files.Remove(tx, p.FileID); err != nil {
			return err
		}
	}
	return request.WriteNoContent(c, nil)
}

// PictureOf returns the picture of the contact in the path, and its name for who saves it.
func PictureOf(c *gin.Context, tx *gorm.DB) (name string, row files.Row, err error) {
	var picture models.Picture
	err = tx.Joins("File").Take(&picture, "contact_id = ?", request.PathID(c)).Error
	if err != nil {
		return "", row, err
	}
	return "picture", *picture.File, nil
}
