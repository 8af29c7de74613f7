package console

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/look"
	"tenantry/handlers/mail"
	"tenantry/handlers/request"
	"tenantry/tenants"
	"tenantry/tenants/jobs"
)

// maxJobs bounds the jobs on a page.
const maxJobs = 200

// jobsPage lists the jobs of a tenant that were discarded, among them the messages that wait for an operator.
type jobsPage struct {
	Tenant *tenants.Tenant
	Link   string
	Jobs   []jobRow
	// More means that there are more than are shown.
	More bool
	// Letter is a message that was opened, shown this once.
	Letter  *mail.Letter
	Problem string
}

// jobRow is a discarded job.
type jobRow struct {
	jobs.Row
	// Opens means that it is a message that can be opened.
	Opens bool
}

// jobs lists the discarded jobs of a tenant, whose database it opens.
func (s *Console) jobs(c *gin.Context) error { return s.showJobs(c, http.StatusOK, jobsPage{}) }

func (s *Console) showJobs(c *gin.Context, status int, page jobsPage) error {
	ctx := c.Request.Context()
	t, err := s.o.Manager.Get(ctx, c.Param("tenant"))
	if err != nil {
		return err
	}
	rows, next, err := jobs.List(ctx, s.o.Store, t, jobs.Discarded, "", maxJobs)
	if err != nil {
		return err
	}
	page.Tenant, page.Link, page.More = t, tenantPath(t), next != ""
	for _, row := range rows {
		page.Jobs = append(page.Jobs, jobRow{row, s.o.Post != nil && row.Kind == mail.Message{}.Kind()})
	}
	s.show(c, status, "jobs", "Jobs of "+t.Subdomain, "/tenants", page)
	return nil
}

// retryJob makes a discarded job run again, or all of them.
func (s *Console) retryJob(c *gin.Context) error {
	posted, err := request.ReadForm(c, "id")
	if err != nil {
		return err
	}
	t, err := s.o.Manager.Get(c.Request.Context(), c.Param("tenant"))
	if err != nil {
		return err
	}
	var ids []string
	if id := posted.Get("id"); id != "" {
		ids = []string{id}
	}
	if _, err := s.o.Manager.RetryJobs(c.Request.Context(), s.by(c), t, ids...); err != nil {
		return err
	}
	return look.SeeOther(c, tenantPath(t)+"/jobs")
}

// openLetter shows a message, which the operator passes on, in the answer itself: its link can't be read again.
func (s *Console) openLetter(c *gin.Context) error {
	posted, err := request.ReadForm(c, "id")
	if err != nil {
		return err
	}
	ctx := c.Request.Context()
	t, err := s.o.Manager.Get(ctx, c.Param("tenant"))
	if err != nil {
		return err
	}
	if s.o.Post == nil {
		return gorm.ErrRecordNotFound
	}
	letter, err := s.o.Post.Open(ctx, s.o.Store, t, string(s.by(c)), posted.Get("id"))
	if mail.IsOver(err) {
		return s.showJobs(c, http.StatusConflict, jobsPage{Problem: "The message isn’t valid any more: its link was used, or it was asked for more than an hour ago."})
	}
	if err != nil {
		return err
	}
	return s.showJobs(c, http.StatusOK, jobsPage{Letter: letter})
}
