package operator

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/problem"
	"tenantry/handlers/request"
	"tenantry/tenants"
	"tenantry/tenants/document"
	"tenantry/tenants/fleet"
	"tenantry/tenants/lifecycle"
)

// listRuns lists the newest migration runs.
func (a *API) listRuns(c *gin.Context) error {
	limit, err := readLimit(c)
	if err != nil {
		return err
	}
	runs, err := a.fleet.Runs(c.Request.Context(), limit)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, document.ListOf(runs, ""))
	return nil
}

// listRunTenants lists the tenants that a run has tried. ?state= filters the list.
func (a *API) listRunTenants(c *gin.Context) error {
	limit, err := readLimit(c)
	if err == nil {
		err = noneEmpty(c, "state", "after")
	}
	if err != nil {
		return err
	}
	after, err := OperationsAfter(c)
	if err != nil {
		return err
	}
	filter, err := a.manager.ReadOperationFilter(c.Request.Context(), lifecycle.TypedOperationFilter{State: c.Query("state")})
	if err != nil {
		return err
	}
	if _, err := a.fleet.Run(c.Request.Context(), c.Param("run")); err != nil {
		return err
	}
	page, next, err := a.fleet.Tenants(c.Request.Context(), c.Param("run"), filter.State, after, limit)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, document.ListOf(page, next))
	return nil
}

// runRequest asks for something to be done to migration runs.
type runRequest struct {
	// Action is begin, resume, stop or abandon. Defaults to begin, for which the other fields are.
	Action       string   `json:"action"`
	Tenants      []string `json:"tenants"`
	Server       string   `json:"server"`
	Failed       bool     `json:"failed"`
	First        int      `json:"first"`
	Canaries     []string `json:"canaries"`
	Waves        []string `json:"waves"`
	PauseSeconds int      `json:"pause_seconds"`
	MaxFailures  *int     `json:"max_failures"`
	Parallel     int      `json:"parallel"`
	// The limits of the gate, as in fleet.Gate.
	MaxSlowdown float64 `json:"max_slowdown"`
	MaxErrors   float64 `json:"max_errors"`
	MinRequests int     `json:"min_requests"`
	NoGate      bool    `json:"no_gate"`

	DespiteOlderBuilds bool `json:"despite_older_builds"`
}

// plan returns the plan of a run to begin.
func (r *runRequest) plan() (fleet.Plan, error) {
	waves, err := fleet.ParseSizes(r.Waves)
	if err != nil {
		return fleet.Plan{}, err
	}
	return fleet.Plan{
		Tenants: r.Tenants, Server: r.Server, Failed: r.Failed, First: r.First, Canaries: r.Canaries, Waves: waves,
		PauseSeconds: r.PauseSeconds, MaxFailures: r.MaxFailures, Parallel: r.Parallel, DespiteOlderBuilds: r.DespiteOlderBuilds,
		Gate: fleet.Gate{MaxSlowdown: r.MaxSlowdown, MaxErrors: r.MaxErrors, MinRequests: r.MinRequests, Off: r.NoGate},
	}, nil
}

// changeRuns begins or resumes a run, which goes on after the answer, or stops or abandons one. It answers with the
// last run.
func (a *API) changeRuns(c *gin.Context) error {
	by, err := nameOf(c)
	if err != nil {
		return err
	}
	var asked runRequest
	if err := request.Decode(c, &asked); err != nil {
		return err
	}
	plan, err := asked.plan()
	if err != nil {
		return err
	}
	ctx := c.Request.Context()
	var pass *fleet.Pass
	switch asked.Action {
	case "", "begin":
		pass, err = a.fleet.Begin(ctx, by, plan)
	case "resume":
		pass, err = a.fleet.BeginAgain(ctx, by, nil)
	case "stop":
		err = a.fleet.Stop(ctx, by)
	case "abandon":
		err = a.fleet.Abandon(ctx)
	default:
		err = problem.InvalidField("action", "must be begin, resume, stop or abandon")
	}
	if err != nil {
		return err
	}
	if pass != nil {
		pass.Start(a.serving)
	}
	runs, err := a.fleet.Runs(ctx, 1)
	if err != nil {
		return err
	}
	if pass == nil && asked.Action != "stop" && asked.Action != "abandon" || len(runs) == 0 {
		c.JSON(http.StatusOK, fleet.Run{State: tenants.RunDone, By: string(by)})
		return nil
	}
	c.JSON(http.StatusAccepted, runs[0])
	return nil
}
