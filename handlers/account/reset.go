package account

import (
	"context"
	"encoding/hex"
	"net/http"
	"net/netip"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/auth"
	"tenantry/handlers/mail"
	"tenantry/handlers/request"
	"tenantry/tenants"
	"tenantry/tenants/web"
)

// resetLife is how long the link of a forgotten password works, and how long a message with one waits to be sent.
const resetLife = time.Hour

// ResetPassword takes the address of a person who forgot their password. It works outside of scopes.
func (a *Accounts) ResetPassword(c *gin.Context) {
	Unscoped(c, func(c *gin.Context) error {
		in, err := request.ReadInput(c)
		if err != nil {
			return err
		}
		if err := a.Forgotten(c.Request.Context(), web.From(c), request.ClientAddress(c), in); err != nil {
			return err
		}
		c.Status(http.StatusAccepted)
		c.Writer.WriteHeaderNow()
		return nil
	})
}

// Forgotten has a link sent to the input's address, if a user has it. It does the same whether or not one has: only the job
// looks the user up. An address gets one letter in resetPause. Tries are bounded for each address and client, as those to sign in. It works outside of scopes.
func (a *Accounts) Forgotten(ctx context.Context, t *tenants.Tenant, client netip.Addr, in *request.Input) error {
	var email string
	in.Require("email")
	request.Member(in, "email", &email, request.EmailAddress)
	if err := in.Done(); err != nil {
		return err
	}
	email = auth.FoldEmail(email)
	one := try{account: triesKey("reset:" + email), address: triesKey("resets from:" + request.Network(client))}
	if err := a.count(ctx, t, one); err != nil {
		return err
	}
	return a.inTenant(ctx, t, func(tx *gorm.DB) error {
		if first, err := a.isFirstReset(tx, email); err != nil || !first {
			return err
		}
		return mail.Enqueue(tx, mail.Message{Name: resetLetter, Email: email, Until: a.now().Add(resetLife)}, resetLetter+"/"+hex.EncodeToString(one.account))
	})
}
