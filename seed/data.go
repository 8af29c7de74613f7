package seed

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
)

//go:embed data/*.json
var data embed.FS

// companies are the demo tenants, in the order in which they are made.
func companies() []company {
	return []company{load[company]("acme"), load[company]("globex"), load[company]("initech")}
}

// threads are what people say about tasks, and what others answer.
func threads() [][]string { return load[[][]string]("threads") }

// load reads data/NAME.json. The files are part of the program, so it panics
// on a file that it can't read.
func load[T any](name string) (loaded T) {
	text, err := data.ReadFile("data/" + name + ".json")
	if err != nil {
		panic(fmt.Sprintf("seed: %v", err))
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&loaded); err != nil {
		panic(fmt.Sprintf("seed: data/%s.json: %v", name, err))
	}
	return loaded
}
