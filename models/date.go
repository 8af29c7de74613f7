package models

import (
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Date is a day without a time or zone, as a due date is, from 0001-01-02 to
// 9999-12-31. Two Dates of the same day are equal by ==. The zero Date is no
// valid day; an absent date is a nil *Date.
type Date struct{ day time.Time }

var errNoDay = errors.New("date is not a day from 0001-01-02 to 9999-12-31")

// ParseDate reads a day in the form 2006-01-02.
func ParseDate(s string) (Date, error) {
	day, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Date{}, fmt.Errorf("date %.32q is not a day in the form 2006-01-02", s)
	}
	date := Date{day}
	if !date.valid() {
		return Date{}, errNoDay
	}
	return date, nil
}

// DateOf returns the day of t in t's own zone.
func DateOf(t time.Time) Date {
	year, month, day := t.Date()
	return Date{time.Date(year, month, day, 0, 0, 0, 0, time.UTC)}
}

// valid reports whether d is a day that every engine stores and ParseDate
// reads. Year 0 is none: Postgres goes from 1 BC to 1 AD.
func (d Date) valid() bool { return d.day.After(time.Time{}) && d.day.Year() <= 9999 }

// Time returns the beginning of the day in UTC.
func (d Date) Time() time.Time { return d.day }

// String returns the day in the form 2006-01-02.
func (d Date) String() string { return d.day.Format(time.DateOnly) }

// MarshalJSON writes the day as a string. A day out of range is an error.
func (d Date) MarshalJSON() ([]byte, error) {
	if !d.valid() {
		return nil, errNoDay
	}
	return json.Marshal(d.String())
}

// UnmarshalJSON reads the day from a string in the form 2006-01-02. It refuses
// null, which only a *Date can hold. After an error d is as it was.
func (d *Date) UnmarshalJSON(data []byte) error {
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	return d.set(s)
}

// Value is what the database stores. A day out of range is an error.
func (d Date) Value() (driver.Value, error) {
	if !d.valid() {
		return nil, errNoDay
	}
	return d.String(), nil
}

// Scan reads what a database returns: the drivers give a time.Time for a date
// column, and SQLite's give text for an expression. After an error d is as it
// was.
func (d *Date) Scan(value any) error {
	switch v := value.(type) {
	case time.Time:
		// Drivers make it midnight UTC, and may then turn it into the zone of
		// the connection, in which it can be the day before.
		date := DateOf(v.UTC())
		if !date.valid() {
			return errNoDay
		}
		*d = date
		return nil
	case string:
		return d.set(v)
	}
	return fmt.Errorf("scan date from %T", value)
}

// GormDataType is the column's type on every engine.
func (Date) GormDataType() string { return "date" }

func (d *Date) set(s string) error {
	date, err := ParseDate(s)
	if err != nil {
		return err
	}
	*d = date
	return nil
}
