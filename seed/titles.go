package seed

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"unicode"
	"unicode/utf8"
)

// deck holds the titles that a template still gives, shuffled.
type deck struct{ titles []string }

// stages of a project's life, each with the decks of its templates, and last
// the decks of what comes up at any time.
type stages [4][]*deck

const anyTime = 3 // the place of the last in stages

// titles composes the titles of a project's tasks in the order they come up:
// its own ones spread evenly, the rest from the templates of its kind, k. No title
// comes twice. There are fewer than asked for when the words run out.
func titles(r *rand.Rand, common words, k kind, p project) []string {
	left := p.stages(r, common, k)
	taken := map[string]bool{}
	var list []string
	for i := range p.Tasks {
		title := nextOwn(p.Own, i, p.Tasks)
		if title == "" {
			title = left.draw(r, i, p.planned(), taken)
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
func (p project) stages(r *rand.Rand, common words, k kind) stages {
	known := maps.Clone(common)
	if known == nil {
		known = words{}
	}
	maps.Copy(known, p.Words)
	return stages{
		decks(r, k.Start, known), decks(r, k.Build, known), decks(r, k.Finish, known),
		anyTime: decks(r, k.Ongoing, known),
	}
}

func decks(r *rand.Rand, templates []string, known words) []*deck {
	var made []*deck
	for _, template := range templates {
		all := expand(template, known)
		for i, title := range all {
			all[i] = capitalized(title)
		}
		r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		made = append(made, &deck{all})
	}
	return made
}

// capitalized is s with its first letter in upper case.
func capitalized(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	if size == 0 {
		return s
	}
	return string(unicode.ToUpper(first)) + s[size:]
}

// expand is every title that a template gives. An unknown slot is a fault in
// the data files.
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

// draw takes the title of task i of n: from the stage that it is in, more or
// less, or from what comes up at any time, which it does more and more; from
// another stage where these are used up. It is empty when all are.
func (s *stages) draw(r *rand.Rand, i, n int, taken map[string]bool) string {
	now := min(2, max(0, (6*i+2*r.IntN(n)-n)/(2*n)))
	order := []int{now, anyTime, (now + 1) % 3, (now + 2) % 3}
	if r.IntN(100) < 25+35*i/n {
		order[0], order[1] = anyTime, now
	}
	for _, stage := range order {
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
