package postgres

import (
	"bytes"
	"fmt"

	"tenantry/tenants"
)

// rowSplitter is an io.Writer of the text that COPY … TO STDOUT sends. It calls f for each row.
type rowSplitter struct {
	row     []tenants.Value
	f       func(row []tenants.Value) error
	pending []byte // the beginning of a line
}

// Write takes the next part of the text.
func (s *rowSplitter) Write(p []byte) (int, error) {
	text := p
	if len(s.pending) > 0 {
		s.pending = append(s.pending, p...)
		text = s.pending
	}
	for {
		end := bytes.IndexByte(text, '\n')
		if end < 0 {
			break
		}
		if err := s.split(text[:end]); err != nil {
			return 0, err
		}
		text = text[end+1:]
	}
	s.pending = append(s.pending[:0], text...)
	return len(p), nil
}

// split splits a line into values, in place.
func (s *rowSplitter) split(line []byte) error {
	for i := range s.row {
		field, rest, more := bytes.Cut(line, []byte{'\t'})
		if more != (i < len(s.row)-1) {
			return fmt.Errorf("a line of COPY has not %d columns", len(s.row))
		}
		s.row[i], line = unescape(field), rest
	}
	return s.f(s.row)
}

// unescape returns the value of a column of a line. It changes the field.
func unescape(field []byte) tenants.Value {
	if len(field) == 2 && field[0] == '\\' && field[1] == 'N' {
		return tenants.Value{}
	}
	from := bytes.IndexByte(field, '\\')
	if from < 0 {
		return tenants.Value{Type: tenants.Text, Bytes: field}
	}
	plain := field[:from]
	for i := from; i < len(field); i++ {
		if c := field[i]; c != '\\' || i+1 == len(field) {
			plain = append(plain, c)
			continue
		}
		i++
		plain = append(plain, unescaped(field[i]))
	}
	return tenants.Value{Type: tenants.Text, Bytes: plain}
}

func unescaped(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'v':
		return '\v'
	}
	return c
}

// appendRow appends a row as COPY … FROM STDIN reads it.
func appendRow(line []byte, row []tenants.Value) []byte {
	for i, v := range row {
		if i > 0 {
			line = append(line, '\t')
		}
		if v.Type == tenants.Null {
			line = append(line, '\\', 'N')
			continue
		}
		for _, c := range v.Bytes {
			switch c {
			case '\\':
				line = append(line, '\\', '\\')
			case '\n':
				line = append(line, '\\', 'n')
			case '\r':
				line = append(line, '\\', 'r')
			case '\t':
				line = append(line, '\\', 't')
			default:
				line = append(line, c)
			}
		}
	}
	return append(line, '\n')
}
