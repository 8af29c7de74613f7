package tenants

import "testing"

// allows is a server with this setting, of which 15 connections, and 11 more for each process, are for other purposes.
type allows struct {
	Divided
	setting int
}

func (a allows) MaxConnections(processes int) int { return a.setting - 7 - 11*processes }
func (a allows) ConnectionSetting() int           { return a.setting }

// TestScarceConnections: with the setting that is needed, the processes may have what they wanted.
func TestScarceConnections(t *testing.T) {
	t.Parallel()
	shares := []ConnectionShare{{Server: "north", Peak: 120}, {Server: "south", Peak: 500}, {Server: "north", Peak: 40}}
	got := scarcityOf("north", allows{setting: 100}, shares)
	if want := (Scarcity{Server: "north", Wanted: 160, Allowed: 67, Processes: 2, Setting: 100, Needed: 193}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if then := scarcityOf("north", allows{setting: got.Needed}, shares); then.Wanted > then.Allowed {
		t.Errorf("with what is needed: %+v", then)
	}
	if idle := scarcityOf("north", allows{setting: 100}, nil); idle.Wanted > idle.Allowed {
		t.Errorf("without processes: %+v", idle)
	}
}
