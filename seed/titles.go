package seed

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
)

// deck holds the titles that a template still gives, shuffled.
type deck struct{ titles []string }

// stages of a project's life, each with the decks of its templates.
type stages [3][]*deck

// titles composes the titles of a project's tasks in the order they come up:
// its own ones spread evenly, the rest from its kind's templates. No title
// comes twice. There are fewer than asked for when the words run out.
func titles(r *rand.Rand, common words, p project) []string {
	left := p.stages(r, common)
	taken := map[string]bool{}
	var list []string
	for i := range p.tasks {
		title := nextOwn(p.own, i, p.tasks)
		if title == "" {
			title = left.draw(r, i, p.tasks, taken)
		}
		if title != "" {
			taken[title] = true
			list = append(list, title)
		}
	}
	return list
}

// nextOwn is the title of the project's own that stands at place i of n, or
// empty.
func nextOwn(own []string, i, n int) string {
	at := i * len(own) / n
	if i > 0 && at == (i-1)*len(own)/n {
		return ""
	}
	if len(own) == 0 {
		return ""
	}
	return own[at]
}

// stages makes the decks of the project's templates.
func (p project) stages(r *rand.Rand, common words) stages {
	known := maps.Clone(common)
	if known == nil {
		known = words{}
	}
	maps.Copy(known, p.words)
	ongoing := decks(r, p.kind.ongoing, known)
	var s stages
	for i, templates := range [][]string{p.kind.start, p.kind.build, p.kind.finish} {
		s[i] = append(decks(r, templates, known), ongoing...)
	}
	return s
}

func decks(r *rand.Rand, templates []string, known words) []*deck {
	var made []*deck
	for _, template := range templates {
		all := expand(template, known)
		r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		made = append(made, &deck{all})
	}
	return made
}

// expand is every title that a template gives. A slot that nobody knows is a
// fault in the data files.
func expand(template string, known words) []string {
	before, rest, found := strings.Cut(template, "{")
	if !found {
		return []string{template}
	}
	slot, after, _ := strings.Cut(rest, "}")
	fillings := known[slot]
	if len(fillings) == 0 {
		panic(fmt.Sprintf("seed: template %q has a slot without words", template))
	}
	var all []string
	for _, end := range expand(after, known) {
		for _, filling := range fillings {
			all = append(all, before+filling+end)
		}
	}
	return all
}

// draw takes the title of task i of n: from the stage that fits, and from
// another where that one is used up. It is empty when all are.
func (s *stages) draw(r *rand.Rand, i, n int, taken map[string]bool) string {
	fits := min(2, max(0, (3*i+r.IntN(n))/n-r.IntN(2)))
	for _, stage := range []int{fits, (fits + 1) % 3, (fits + 2) % 3} {
		if title := drawFrom(r, &s[stage], taken); title != "" {
			return title
		}
	}
	return ""
}

// drawFrom takes a title from one of the decks, and drops the empty ones.
func drawFrom(r *rand.Rand, from *[]*deck, taken map[string]bool) string {
	for len(*from) > 0 {
		at := r.IntN(len(*from))
		if title := (*from)[at].pop(taken); title != "" {
			return title
		}
		(*from)[at] = (*from)[len(*from)-1]
		*from = (*from)[:len(*from)-1]
	}
	return ""
}

// pop takes the next title that is not taken, or none.
func (d *deck) pop(taken map[string]bool) string {
	for len(d.titles) > 0 {
		title := d.titles[len(d.titles)-1]
		d.titles = d.titles[:len(d.titles)-1]
		if !taken[title] {
			return title
		}
	}
	return ""
}
