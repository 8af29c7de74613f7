package handlers

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// sheet is a CSV file: RFC 4180 in UTF-8, with a header that names the columns.
type sheet struct {
	columns []string
	rows    []sheetRow
}

// sheetRow is a row below the header, with a cell for each column.
type sheetRow struct {
	number int // counted from 1, without empty lines
	line   int // in the file, where the row begins
	cells  []string
}

// fault adds a fault of the row, or of one of its cells. The message names the
// line too, which is what editors and spreadsheets count.
func (r sheetRow) fault(bad *faults, column, message string) {
	field := fmt.Sprintf("row %d", r.number)
	if column != "" {
		field += ", column " + column
	}
	bad.add(field, fmt.Sprintf("%s (line %d)", message, r.line))
}

// readSheet reads a file of at most limit rows, whose columns are all known and
// of which the first known one is there. Rows that can't be read are faults;
// after a fault in the header there are no rows.
func readSheet(data []byte, bad *faults, limit int, known ...string) sheet {
	reader := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	reader.FieldsPerRecord = -1 // a row of another length is a fault like others
	columns, err := reader.Read()
	if err != nil {
		bad.add("header", "must name the columns: "+strings.Join(known, ", "))
		return sheet{}
	}
	if checkHeader(columns, bad, known); len(*bad) > 0 {
		return sheet{}
	}
	s := sheet{columns: columns}
	s.readRows(reader, bad, limit)
	if len(s.rows) == 0 && len(*bad) == 0 {
		bad.add("row 1", "is missing: there is nothing below the header")
	}
	return s
}

// checkHeader faults columns that are unknown, doubled or missing.
func checkHeader(columns []string, bad *faults, known []string) {
	for i, column := range columns {
		field := "header, column " + shorten(strings.ToValidUTF8(column, "\ufffd"))
		switch {
		case !slices.Contains(known, column):
			bad.add(field, "is unknown; the columns are separated by commas and called "+strings.Join(known, ", "))
		case slices.Contains(columns[:i], column):
			bad.add(field, "is there twice")
		}
	}
	if !slices.Contains(columns, known[0]) {
		bad.add("header, column "+known[0], "is required")
	}
}

// readRows reads up to the end, or to a row after which nothing can be read.
func (s *sheet) readRows(reader *csv.Reader, bad *faults, limit int) {
	for number := 1; ; number++ {
		cells, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		row := sheetRow{number, lineOf(reader, err), cells}
		switch {
		case err != nil:
			row.fault(bad, "", "has a quote that is not closed, or not doubled inside quotes")
			return
		case number > limit:
			row.fault(bad, "", fmt.Sprintf("is one too many: there may be %d rows", limit))
			return
		case len(cells) != len(s.columns):
			row.fault(bad, "", fmt.Sprintf("has %d cells where the header has %d", len(cells), len(s.columns)))
		default:
			s.rows = append(s.rows, row)
		}
	}
}

// lineOf is the line on which the row begins that was just read, or failed
// with err.
func lineOf(reader *csv.Reader, err error) int {
	var syntax *csv.ParseError
	if errors.As(err, &syntax) {
		return syntax.StartLine
	}
	line, _ := reader.FieldPos(0)
	return line
}

// cells are the cells of a column, none when the file doesn't have it.
func (s sheet) cells(column string) []string {
	at := slices.Index(s.columns, column)
	if at < 0 {
		return nil
	}
	cells := make([]string, 0, len(s.rows))
	for _, row := range s.rows {
		cells = append(cells, row.cells[at])
	}
	return cells
}
