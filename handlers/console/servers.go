package console

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/look"
	"tenantry/handlers/operator"
	"tenantry/handlers/problem"
	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
)

// serversPage lists the servers of databases.
type serversPage struct {
	Servers []serverRow
	Load    tenants.Load
	// Handles are the first of those that are open in any process, in the order Sort.
	Handles   tenants.OpenHandles
	Sort      tenants.HandleOrder
	Instances lifecycle.Census
	Add       *look.Form
	// Problem says why nothing was done.
	Problem string
}

// maxHandles bounds the open databases on the page.
const maxHandles = 20

// serverRow is a server. Row is nil if tenants are on a server that the master doesn't have.
type serverRow struct {
	serverCount
	Row *lifecycle.ServerUse
}

// Labels returns the server's labels, sorted.
func (r serverRow) Labels() (labels []string) {
	if r.Row == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(r.Row.Labels)) {
		labels = append(labels, name+"="+r.Row.Labels[name])
	}
	return labels
}

// Draining reports whether the server takes no new tenants.
func (r serverRow) Draining() bool { return r.Row != nil && r.Row.State == tenants.ServerDraining }

// Removable reports whether the server can be removed.
func (r serverRow) Removable() bool { return r.Row != nil && r.Row.URL != nil && r.Row.Tenants == 0 }

const poolerHint = "HOST:PORT/DATABASE of a pooler in front of the server, for schemas. Empty for none."

func addServerForm() *look.Form {
	f := look.NewForm("add", "/servers", "Add the server",
		look.Field{Name: "name", Label: "Name", Required: true, Autocomplete: "off", Hint: "Lower-case letters, digits and hyphens."},
		look.Field{Name: "url", Label: "URL", Kind: "password", Required: true, Autocomplete: "off",
			Hint: "sqlite:DIR or postgres://USER:PASSWORD@HOST:PORT/DATABASE. It is kept sealed and never shown."},
		look.Field{Name: "capacity", Label: "Tenants at most", Kind: "number", Autocomplete: "off", Hint: "Empty for any number."},
		look.Field{Name: "labels", Label: "Labels", Autocomplete: "off", Hint: "For example region=eu disks=fast."},
		look.Field{Name: "placement", Label: "Tenants lie", Kind: "select", Options: []look.Option{
			{Label: "in databases of their own"}, {Value: string(tenants.PlacementSchema), Label: "in schemas of one Postgres database"},
		}, Hint: "Schemas share connections; databases are shut off from each other. The manual’s page placement compares them."},
		look.Field{Name: "pooler", Label: "Pooler", Autocomplete: "off", Hint: poolerHint},
	)
	return &f
}

// servers lists the servers and their tenants.
func (s *Console) servers(c *gin.Context) error {
	return s.showServers(c, http.StatusOK, addServerForm(), "")
}

func (s *Console) showServers(c *gin.Context, status int, form *look.Form, said string) error {
	sort, err := operator.HandleOrder(c)
	if err != nil {
		return err
	}
	census, err := s.o.Manager.Census(c.Request.Context())
	if err != nil {
		return err
	}
	all, err := s.o.Manager.Servers(c.Request.Context())
	if err != nil {
		return err
	}
	handles, err := s.o.Store.HandlesEverywhere(c.Request.Context(), tenants.HandleSearch{Order: sort, Limit: maxHandles})
	if err != nil {
		return err
	}
	page := serversPage{Load: s.o.Store.Load(), Handles: handles, Sort: sort, Instances: census, Add: form, Problem: said}
	page.Servers = s.serverRows(census, all)
	s.show(c, status, "servers", "Servers", "/servers", page)
	return nil
}

// serverRows returns the servers in the master, and others that tenants are on, by name.
func (s *Console) serverRows(census lifecycle.Census, all []lifecycle.ServerUse) (rows []serverRow) {
	for _, count := range s.countServers(census.Groups) {
		rows = append(rows, serverRow{serverCount: count})
	}
	for i := range all {
		at := slices.IndexFunc(rows, func(r serverRow) bool { return r.Name == all[i].Name })
		if at < 0 {
			at, rows = len(rows), append(rows, serverRow{serverCount: s.serverCount(all[i].Name, 0)})
		}
		rows[at].Row = &all[i]
	}
	slices.SortFunc(rows, func(a, b serverRow) int { return strings.Compare(a.Name, b.Name) })
	return rows
}

// addServer adds a server.
func (s *Console) addServer(c *gin.Context) error {
	f := addServerForm()
	if err := f.Read(c); err != nil {
		return err
	}
	row, err := readServer(f)
	if err == nil {
		err = s.o.AddServer(c.Request.Context(), row, strings.TrimSpace(f.Value("url")))
	}
	if errors.Is(err, tenants.ErrUnavailable) || errors.Is(err, tenants.ErrForbidden) {
		err = problem.InvalidField("url", "names a server that can't be used: "+err.Error())
	}
	if err != nil {
		p := describe(c, err)
		if !f.Refuse(p) {
			return err
		}
		f.Fields[len(f.Fields)-1].Value = withoutPassword(f.Value("pooler"))
		return s.showServers(c, p.Status, f, "")
	}
	return look.SeeOther(c, "/servers")
}

// readServer reads the fields of the form but the URL.
func readServer(f *look.Form) (s tenants.Server, err error) {
	s = tenants.Server{Name: strings.TrimSpace(f.Value("name")), Labels: map[string]string{}, Placement: tenants.Placement(f.Value("placement")), Pooler: strings.TrimSpace(f.Value("pooler"))}
	if text := strings.TrimSpace(f.Value("capacity")); text != "" {
		if s.Capacity, err = strconv.ParseInt(text, 10, 64); err != nil {
			return s, problem.InvalidField("capacity", "must be a whole number")
		}
	}
	for _, label := range strings.Fields(f.Value("labels")) {
		name, value, ok := strings.Cut(label, "=")
		if !ok {
			return s, problem.InvalidField("labels", "must be written as region=eu")
		}
		s.Labels[name] = value
	}
	return s, nil
}

// changeServer does what the last part of the path says to a server.
func (s *Console) changeServer(c *gin.Context) error {
	name, ctx := c.Param("server"), c.Request.Context()
	var err error
	switch c.Param("do") {
	case "drain":
		err = s.o.Manager.DrainServer(ctx, name)
	case "undrain":
		err = s.o.Manager.UndrainServer(ctx, name)
	case "remove":
		err = s.o.Manager.RemoveServer(ctx, name)
	default:
		err = lifecycle.ErrUnknownServer
	}
	if err == nil {
		return look.SeeOther(c, "/servers")
	}
	p := describe(c, err)
	if p.Status != http.StatusConflict {
		return err
	}
	return s.showServers(c, p.Status, addServerForm(), p.Detail)
}

// closeHandle closes a tenant's database in all processes in which no scope uses it.
func (s *Console) closeHandle(c *gin.Context) error {
	_, err := s.o.Store.CloseIdleEverywhere(c.Request.Context(), c.Param("tenant"))
	if err == nil || errors.Is(err, tenants.ErrNoHandle) { // it has closed by itself since the page was shown
		return look.SeeOther(c, "/servers")
	}
	p := describe(c, err)
	if p.Status != http.StatusConflict {
		return err
	}
	return s.showServers(c, p.Status, addServerForm(), p.Detail)
}
