package handlers

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// sheet is a CSV file: RFC 4180 in UTF-8, with a header that names the columns.
// As spreadsheets write it: with commas, semicolons or tabs, with or without a
// byte order mark, with rows and unnamed columns in which all cells are empty.
type sheet struct {
	columns []string
	rows    []sheetRow
}

// sheetRow is a row below the header, with a cell for each column.
type sheetRow struct {
	number int // counted from 1, without empty rows
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
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if fault := notUTF8(data); fault != "" {
		bad.add("file", fault)
		return sheet{}
	}
	if !bytes.Contains(data, []byte("\n")) { // lines may end as on an old Mac
		data = bytes.ReplaceAll(data, []byte("\r"), []byte("\n"))
	}
	reader := csv.NewReader(bytes.NewReader(data))
	reader.Comma = separator(data)
	reader.FieldsPerRecord = -1 // a row of another length is a fault like others
	columns, err := reader.Read()
	if err != nil {
		bad.add("header", "must name the columns: "+strings.Join(known, ", "))
		return sheet{}
	}
	for i := range columns {
		columns[i] = strings.TrimSpace(columns[i])
		if lower := strings.ToLower(columns[i]); slices.Contains(known, lower) {
			columns[i] = lower
		}
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

// notUTF8 is what to do about a file in another encoding, empty for none. It is
// said once, and not for each cell.
func notUTF8(data []byte) string {
	const advice = "export it as CSV in UTF-8, which Excel calls “CSV UTF-8”"
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) || bytes.Count(data, []byte{0}) > len(data)/4 {
		return "is not text in UTF-8, but in UTF-16 or no text at all; " + advice
	}
	number := 0
	for line := range bytes.Lines(data) {
		if number++; !utf8.Valid(line) {
			return fmt.Sprintf("is not text in UTF-8, as line %d shows; %s", number, advice)
		}
	}
	return ""
}

// separator is what stands between the cells: the first of comma, semicolon and
// tab in the header.
func separator(data []byte) rune {
	header, _, _ := bytes.Cut(data, []byte("\n"))
	if at := bytes.IndexAny(header, ",;\t"); at >= 0 {
		return rune(header[at])
	}
	return ','
}

// isEmpty tells whether there is nothing in the cells.
func isEmpty(cells []string) bool {
	return !slices.ContainsFunc(cells, func(cell string) bool { return strings.TrimSpace(cell) != "" })
}

// checkHeader faults columns that are unknown, doubled or missing.
func checkHeader(columns []string, bad *faults, known []string) {
	for i, column := range columns {
		field := "header, column " + shorten(strings.ToValidUTF8(column, "\ufffd"))
		switch {
		case column == "": // so must its cells be
		case !slices.Contains(known, column):
			bad.add(field, "is unknown; the columns are called "+strings.Join(known, ", "))
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
		for err == nil && isEmpty(cells) {
			cells, err = reader.Read()
		}
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
		case len(cells) < len(s.columns), !isEmpty(cells[len(s.columns):]):
			row.fault(bad, "", fmt.Sprintf("has %d cells where the header has %d", len(cells), len(s.columns)))
		default:
			row.cells = cells[:len(s.columns)]
			s.checkUnnamed(row, bad)
			s.rows = append(s.rows, row)
		}
	}
}

// checkUnnamed faults cells of columns without a name that hold something.
func (s *sheet) checkUnnamed(row sheetRow, bad *faults) {
	for i, column := range s.columns {
		if column == "" && strings.TrimSpace(row.cells[i]) != "" {
			row.fault(bad, "", fmt.Sprintf("has text in column %d, which the header doesn't name", i+1))
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

// cells are the cells of a column without space around them, none when the file doesn't have it.
func (s sheet) cells(column string) []string {
	at := slices.Index(s.columns, column)
	if at < 0 {
		return nil
	}
	cells := make([]string, 0, len(s.rows))
	for _, row := range s.rows {
		cells = append(cells, strings.TrimSpace(row.cells[at]))
	}
	return cells
}
