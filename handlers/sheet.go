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

	"tenantry/handlers/request"
	"tenantry/tenants/text"
)

// sheet is a CSV file: RFC 4180 in UTF-8, with a header that names the columns.
// As spreadsheets write it: with commas, semicolons or tabs, with or without a
// byte order mark, with rows and unnamed columns in which all cells are empty,
// also above the header.
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
func (r sheetRow) fault(bad *request.Faults, column, message string) {
	field := fmt.Sprintf("row %d", r.number)
	if column != "" {
		field += ", column " + column
	}
	bad.Add(field, fmt.Sprintf("%s (line %d)", message, r.line))
}

// readSheet reads a file of at most limit rows, whose columns are all known and
// of which the first known one is there. Rows that can't be read are faults;
// after a fault in the header there are no rows.
func readSheet(data []byte, bad *request.Faults, limit int, known ...string) sheet {
	data = bytes.TrimLeft(data, "\ufeff")
	if fault := notUTF8(data); fault != "" {
		bad.Add("file", fault)
		return sheet{}
	}
	comma, data := separator(plainLines(data))
	reader := csv.NewReader(bytes.NewReader(data))
	reader.Comma = comma
	reader.FieldsPerRecord = -1 // a row of another length is a fault like others
	s := sheet{columns: readHeader(reader, bad, known)}
	if len(*bad) > 0 {
		return sheet{}
	}
	s.readRows(reader, bad, limit)
	if len(s.rows) == 0 && len(*bad) == 0 {
		bad.Add("row 1", "is missing: there is nothing below the header")
	}
	return s
}

// plainLines has lines end with a line feed: they may end as on Windows or on an
// old Mac.
func plainLines(data []byte) []byte {
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	return bytes.ReplaceAll(data, []byte("\r"), []byte("\n"))
}

// readHeader reads the names of the columns, in the first row that isn't empty.
func readHeader(reader *csv.Reader, bad *request.Faults, known []string) []string {
	columns, err := readRow(reader)
	switch {
	case errors.Is(err, io.EOF):
		bad.Add("header", "must name the columns: "+strings.Join(known, ", "))
		return nil
	case err != nil:
		bad.Add("header", badQuote)
		return nil
	}
	for i := range columns {
		columns[i] = strings.TrimSpace(columns[i])
		if lower := strings.ToLower(columns[i]); slices.Contains(known, lower) {
			columns[i] = lower
		}
	}
	checkHeader(columns, bad, known)
	return columns
}

// badQuote is a fault after which nothing can be read.
const badQuote = "has a quote that is not closed, or not doubled inside quotes"

// readRow reads the next row that isn't empty.
func readRow(reader *csv.Reader) (cells []string, err error) {
	for err == nil && isEmpty(cells) {
		cells, err = reader.Read()
	}
	return cells, err
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

// separator is what stands between the cells: what a first line such as "sep=;"
// says, which Excel reads and which is taken out, else the first comma, semicolon
// or tab outside of quotes up to the end of the header.
func separator(data []byte) (comma rune, rest []byte) {
	first, _, _ := bytes.Cut(data, []byte("\n"))
	if len(first) == len("sep=;") && bytes.EqualFold(first[:4], []byte("sep=")) && strings.IndexByte(",;\t|", first[4]) >= 0 {
		return rune(first[4]), data[len(first):] // the lines are still counted from there
	}
	quoted, named := false, false
	for _, b := range data {
		switch {
		case b == '"':
			quoted, named = !quoted, true
		case quoted:
		case b == ',', b == ';', b == '\t':
			return rune(b), data
		case b == '\n' && named:
			return ',', data
		default:
			named = named || b != '\n' && b != ' '
		}
	}
	return ',', data
}

// isEmpty tells whether there is nothing in the cells.
func isEmpty(cells []string) bool {
	return !slices.ContainsFunc(cells, func(cell string) bool { return strings.TrimSpace(cell) != "" })
}

// checkHeader faults columns that are unknown, doubled or missing.
func checkHeader(columns []string, bad *request.Faults, known []string) {
	for i, column := range columns {
		field := "header, column " + request.Shorten(strings.ToValidUTF8(column, "\ufffd"))
		switch {
		case column == "": // so must its cells be
		case !slices.Contains(known, column):
			bad.Add(field, "is unknown; the columns are called "+strings.Join(known, ", "))
		case slices.Contains(columns[:i], column):
			bad.Add(field, "is there twice")
		}
	}
	if !slices.Contains(columns, known[0]) {
		bad.Add("header, column "+known[0], "is required")
	}
}

// readRows reads up to the end, or to a row after which nothing can be read.
func (s *sheet) readRows(reader *csv.Reader, bad *request.Faults, limit int) {
	for number := 1; ; number++ {
		cells, err := readRow(reader)
		if errors.Is(err, io.EOF) {
			return
		}
		row := sheetRow{number, lineOf(reader, err), cells}
		switch {
		case err != nil:
			row.fault(bad, "", badQuote)
			return
		case number > limit:
			row.fault(bad, "", fmt.Sprintf("is one too many: there may be %d rows", limit))
			return
		case !s.fit(&row):
			row.fault(bad, "", fmt.Sprintf("has %s where the header has %d", text.Count(len(cells), "cell"), len(s.columns)))
		default:
			s.checkUnnamed(row, bad)
			s.rows = append(s.rows, row)
		}
	}
}

// fit gives the row a cell for each column. It is false where a column with a
// name has none, or where there is something behind the last column.
func (s *sheet) fit(row *sheetRow) bool {
	for len(row.cells) < len(s.columns) && isEmpty(s.columns[len(row.cells):]) {
		row.cells = append(row.cells, "")
	}
	if len(row.cells) < len(s.columns) || !isEmpty(row.cells[len(s.columns):]) {
		return false
	}
	row.cells = row.cells[:len(s.columns)]
	return true
}

// checkUnnamed faults cells of columns without a name that hold something.
func (s *sheet) checkUnnamed(row sheetRow, bad *request.Faults) {
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
