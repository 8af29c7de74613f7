package seed

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func random() *rand.Rand { return rand.New(rand.NewPCG(3, 4)) }

func TestExpand(t *testing.T) {
	t.Parallel()
	known := words{"a": {"1", "2"}, "b": {"x", "y"}}
	for template, want := range map[string][]string{
		"":             {""},
		"plain":        {"plain"},
		"{a}":          {"1", "2"},
		"do {a} now":   {"do 1 now", "do 2 now"},
		"{a} and {b}!": {"1 and x!", "2 and x!", "1 and y!", "2 and y!"},
	} {
		if got := expand(template, known); !slices.Equal(got, want) {
			t.Errorf("expand(%q) = %q, want %q", template, got, want)
		}
	}
}

func TestExpandWithoutWordsPanics(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("a slot without words was accepted")
		}
	}()
	expand("do {nothing}", words{})
}

func TestCapitalized(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{"": "", "ab": "Ab", "Ab": "Ab", "éa": "Éa", "1a": "1a", "“a”": "“a”"} {
		if got := capitalized(s); got != want {
			t.Errorf("capitalized(%q) = %q, want %q", s, got, want)
		}
	}
}

func TestOwnTitlesAreSpread(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		own  []string
		n    int
		want []string
	}{
		{nil, 2, []string{"", ""}},
		{[]string{"a"}, 1, []string{"a"}},
		{[]string{"a"}, 3, []string{"a", "", ""}},
		{[]string{"a", "b"}, 2, []string{"a", "b"}},
		{[]string{"a", "b"}, 5, []string{"a", "", "", "b", ""}},
	} {
		for i, want := range test.want {
			if got := nextOwn(test.own, i, test.n); got != want {
				t.Errorf("of %q, number %d of %d is %q, want %q", test.own, i, test.n, got, want)
			}
		}
	}
}

func TestTitlesRunOut(t *testing.T) {
	t.Parallel()
	p := project{Opened: 10, Tasks: 20, Own: []string{"Own"}}
	k := kind{Start: []string{"Start {a}"}, Ongoing: []string{"Start {a}", "Own", "On {a}"}}
	got := titles(random(), words{"a": {"1", "2"}}, k, p)
	slices.Sort(got)
	if want := []string{"On 1", "On 2", "Own", "Start 1", "Start 2"}; !slices.Equal(got, want) {
		t.Errorf("titles are %q, want %q", got, want)
	}
}

// TestTitlesFollowTheStages: what begins a project comes before what ends it.
func TestTitlesFollowTheStages(t *testing.T) {
	t.Parallel()
	p := project{Opened: 10, Tasks: 60}
	k := kind{Start: []string{"a {n}"}, Build: []string{"b {n}"}, Finish: []string{"c {n}"}}
	known := words{"n": {
		"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20",
		"21", "22", "23", "24", "25", "26", "27", "28", "29", "30",
	}}
	got := titles(random(), known, k, p)
	if first, last := got[0][0], got[59][0]; first != 'A' || last != 'C' {
		t.Errorf("the first title is %q, the last %q", got[0], got[59])
	}
	p.Closed = -30
	for _, title := range titles(random(), known, k, p)[:20] {
		if title[0] == 'C' {
			t.Errorf("%q in the first third of what there is of a project that has just begun", title)
		}
	}
}

// TestProjectWordsComeFirst: a project's words stand in for the company's.
func TestProjectWordsComeFirst(t *testing.T) {
	t.Parallel()
	common := words{"a": {"common"}, "b": {"both"}}
	p := project{Opened: 10, Tasks: 1, Words: words{"a": {"mine"}}}
	if got := titles(random(), common, kind{Start: []string{"See {a} {b}"}}, p); !slices.Equal(got, []string{"See mine both"}) {
		t.Errorf("titles are %q", got)
	}
	if !slices.Equal(common["a"], []string{"common"}) {
		t.Errorf("the company's words became %q", common["a"])
	}
}
