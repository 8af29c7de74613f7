package operator

import (
	"net/http"
	"strings"

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
	// Action is begin, resume, stop, abandon, accept or revert. Defaults to begin, for which the other fields are, except
	// Run, which is for accept and revert, and Tenant, which limits a revert.
	Action       string   `json:"action"`
	Tenants      []string `json:"tenants"`
	Except       []string `json:"except"`
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

	KeepCopies         bool `json:"keep_copies"`
	DespiteOlderBuilds bool `json:"despite_older_builds"`

	Run    string `json:"run"`
	Tenant string `json:"tenant"`
}

// plan returns the plan of a run to begin.
func (r *runRequest) plan() (fleet.Plan, error) {
	waves, err := fleet.ParseSizes(r.Waves)
	if err != nil {
		return fleet.Plan{}, err
	}
	return fleet.Plan{
		Tenants: r.Tenants, Except: r.Except, Server: r.Server, Failed: r.Failed, First: r.First, Canaries: r.Canaries, Waves: waves,
		PauseSeconds: r.PauseSeconds, MaxFailures: r.MaxFailures, Parallel: r.Parallel, KeepCopies: r.KeepCopies, DespiteOlderBuilds: r.DespiteOlderBuilds,
		Gate: fleet.Gate{MaxSlowdown: r.MaxSlowdown, MaxErrors: r.MaxErrors, MinRequests: r.MinRequests, Off: r.NoGate},
	}, nil
}

// showPlan answers with what a run would do: its waves, and the pending migrations for each server and version. The lists in
// the query have commas.
func (a *API) showPlan(c *gin.Context) error {
	if err := noneEmpty(c, "server", "tenants", "canaries", "waves"); err != nil {
		return err
	}
	list := func(name string) []string {
		return strings.FieldsFunc(c.Query(name), func(r rune) bool { return r == ',' })
	}
	asked := runRequest{Server: c.Query("server"), Tenants: list("tenants"), Canaries: list("canaries"), Waves: list("waves")}
	plan, err := asked.plan()
	if err != nil {
		return err
	}
	outline, err := a.fleet.Outline(c.Request.Context(), plan)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, outline)
	return nil
}

// changeRuns begins or resumes a run, or puts its copies back, which goes on after the answer; or stops, abandons or accepts
// one. It answers with that run, or the last one.
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
	case "accept", "revert":
		return a.endRun(c, by, asked)
	default:
		err = problem.InvalidField("action", "must be begin, resume, stop, abandon, accept or revert")
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

// endRun accepts a run that has kept copies, or puts them back.
func (a *API) endRun(c *gin.Context, by lifecycle.Operator, asked runRequest) error {
	ctx := c.Request.Context()
	if asked.Action == "accept" {
		run, err := a.fleet.Accept(ctx, asked.Run)
		if err == nil {
			run, err = a.fleet.Run(ctx, run.ID)
		}
		if err != nil {
			return err
		}
		c.JSON(http.StatusOK, run)
		return nil
	}
	forecast, err := a.fleet.ForecastRevert(ctx, asked.Run, asked.Tenant, nil)
	if err != nil {
		return err
	}
	a.fleet.StartRevert(a.serving, by, forecast)
	c.JSON(http.StatusAccepted, forecast)
	return nil
}
