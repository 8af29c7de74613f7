package fleet

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func TestWaves(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		total, canaries int
		sizes           string
		want            []int
	}{
		{10, 0, "", []int{10}},
		{10, 2, "", []int{2, 8}},
		{0, 0, "1,10", nil},
		{1, 0, "1,10,25%,100%", []int{1}},
		{200, 1, "1,10,25%,100%", []int{1, 1, 10, 38, 150}},
		{200, 1, "1,10,25%", []int{1, 1, 10, 38, 150}},
		{20, 0, "10,25%,100%", []int{10, 10}}, // after ten, a quarter is done
		{3, 0, "50%", []int{2, 1}},            // rounded up
		{5, 7, "1", []int{5}},
		{1_000_000, 0, "1%", []int{10_000, 990_000}},
	} {
		plan := Plan{Waves: sizes(t, test.sizes)}
		if got := plan.waves(test.total, test.canaries); !slices.Equal(got, test.want) {
			t.Errorf("%d tenants, %d canaries, %q: got %v, want %v", test.total, test.canaries, test.sizes, got, test.want)
		}
	}
}

func sizes(t *testing.T, text string) (sizes []Size) {
	t.Helper()
	for word := range strings.SplitSeq(text, ",") {
		if word == "" {
			continue
		}
		var size Size
		if err := size.UnmarshalText([]byte(word)); err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, size)
	}
	return sizes
}

func TestSizesThatAreNone(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "0", "-1", "0%", "101%", "%", "ten", "1.5", "10 %", "99999999999999999999"} {
		var size Size
		if err := size.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is %v", text, size)
		}
	}
}

// TestWavesGrow refuses waves that would have no tenants.
func TestWavesGrow(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"": true, "1,1,10": true, "10%,50%": true, "50%,1,60%,100%": true, "10,5%": true,
		"50%,10%": false, "50%,50%": false, "10%,5,10%": false, "100%,100%": false, "100%,1": false,
	} {
		if err := (Plan{Waves: sizes(t, text)}).Check(); (err == nil) != want {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestPlanIsStored writes a plan as the master keeps it.
func TestPlanIsStored(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(Plan{Waves: []Size{{Number: 1}, {Number: 25, Percent: true}}, MaxFailures: new(int)})
	if want := `{"waves":["1","25%"],"max_failures":0}`; err != nil || string(text) != want {
		t.Errorf("%s, %v; want %s", text, err, want)
	}
	var plan Plan
	if err := json.Unmarshal(text, &plan); err != nil || plan.MaxFailures == nil || !slices.Equal(plan.Waves, []Size{{1, false}, {25, true}}) {
		t.Errorf("%+v, %v", plan, err)
	}
}
