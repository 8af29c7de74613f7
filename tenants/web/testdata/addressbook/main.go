// Addressbook is an application on the engine, in a module of its own: each
// tenant has contacts. Its argument is a folder, or the URL of a Postgres
// database, for all that it keeps.
package main

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/gin-gonic/gin"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/web"
)

// Contact is a row in a tenant's database.
type Contact struct {
	ID        int64     `json:"id"`
	Name      string    `json:"name"`
	Phone     string    `json:"phone"`
	CreatedAt time.Time `json:"created_at"`
}

//go:embed migrations
var files embed.FS

func main() {
	if err := run(context.Background(), os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

// run creates the tenant acme, and serves it until the listener fails.
func run(ctx context.Context, place string) error {
	migrations, err := fs.Sub(files, "migrations")
	if err != nil {
		return err
	}
	schema := tenants.Schema{Models: []any{&Contact{}}, Migrations: tenants.MigrationsIn(migrations)}
	master, engine, err := open(ctx, place, schema)
	if err != nil {
		return err
	}
	defer master.Close()
	defer engine.Close()
	store, err := tenants.New(ctx, tenants.Options{
		Master: master, Servers: map[string]tenants.Engine{tenants.DefaultServer: engine}, MaxOpen: 100,
	})
	if err != nil {
		return err
	}
	defer store.Close(ctx)
	_, err = lifecycle.New(store, lifecycle.Options{}).Create(ctx, lifecycle.NewTenant{Subdomain: "acme", By: "addressbook"})
	if err != nil && !errors.Is(err, lifecycle.ErrExists) {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	log.Printf("listening on %s", listener.Addr())
	return http.Serve(listener, routes(store))
}

// routes lists and adds contacts.
func routes(store *tenants.Store) http.Handler {
	domain, _ := tenants.ParseBaseDomain("localhost") // it is one
	requests := web.New(store, web.Options{Domain: domain})
	r := gin.New()
	in := r.Group("/", requests.Resolve(), requests.Scoped(web.ScopeOptions{}))
	in.GET("/contacts", func(c *gin.Context) {
		var all []Contact
		if err := web.Tx(c).Order("name").Limit(100).Find(&all).Error; err != nil {
			_ = c.Error(err)
			return
		}
		c.JSON(http.StatusOK, all)
	})
	in.POST("/contacts", func(c *gin.Context) {
		contact := Contact{Name: c.PostForm("name"), Phone: c.PostForm("phone")}
		if err := web.Tx(c).Create(&contact).Error; err != nil {
			_ = c.Error(err)
			return
		}
		c.JSON(http.StatusCreated, contact)
	})
	return r
}
