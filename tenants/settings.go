package tenants

import (
	"database/sql/driver"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"gorm.io/gorm"
)

// SettingsOptions describe settings that an application keeps for each tenant, as fields of the struct T. Each field has
// its key as a json tag, and may have a label and a hint for the operators' console, and an enum of the texts that it can
// have. Settings are shown to operators and recorded in the ledger: they hold no secrets.
type SettingsOptions[T any] struct {
	// Defaults are the values of what a tenant has no value of its own for. They must be right.
	Defaults T
	// Check returns what is wrong with the values, by key: a message such as "must be a time zone, such as Europe/Berlin".
	// It may be nil.
	Check func(T) map[string]string
	// Limits returns what follows from the settings for the limits of a tenant: 0 stands for the installation's default, and
	// NoLimit for no limit. Limits of the tenant's own come before them. It may be nil.
	Limits func(T) Limits
	// LimitsFrom is the key of the setting from which the limits follow, for operators who ask where a limit comes from. It
	// may be empty.
	LimitsFrom string
	// Zone returns the tenant's time zone. Defaults to UTC.
	Zone func(T) *time.Location
}

// SettingsType is the registered type of an application's settings. It never changes.
type SettingsType struct {
	fields   []settingField
	defaults any
	set      func(values map[string]json.RawMessage) (value any, faults map[string]string)
	limits   func(value any) Limits
	from     string // SettingsOptions.LimitsFrom
	zone     func(value any) *time.Location
	standard *readSettings // of a tenant without values of its own
}

// settingField is a field of the struct.
type settingField struct {
	key, label, hint string
	choices          []string
	index            int
	kind             reflect.Type
	standard         json.RawMessage // the default
}

var settingKey = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

// NewSettings returns the type of settings for Options.Settings. It panics if T is not such a struct, or if the defaults
// are wrong.
func NewSettings[T any](o SettingsOptions[T]) *SettingsType {
	s := &SettingsType{
		fields: fieldsOf(reflect.ValueOf(o.Defaults)), defaults: o.Defaults,
		limits: func(any) Limits { return Limits{} }, zone: func(any) *time.Location { return time.UTC },
	}
	check := func(value T) map[string]string {
		faults := s.checkChoices(reflect.ValueOf(value))
		if o.Check != nil {
			for key, message := range o.Check(value) {
				faults[key] = message
			}
		}
		return faults
	}
	s.set = func(values map[string]json.RawMessage) (any, map[string]string) {
		value := o.Defaults
		faults := s.decode(reflect.ValueOf(&value).Elem(), values)
		if len(faults) == 0 {
			faults = check(value)
		}
		return value, faults
	}
	if o.Limits != nil {
		s.limits = func(value any) Limits { return o.Limits(value.(T)) }
	}
	if s.from = o.LimitsFrom; s.from != "" && s.field(s.from) == nil {
		panic(fmt.Sprintf("tenants: LimitsFrom of settings: there is no setting %s", s.from))
	}
	if o.Zone != nil {
		s.zone = func(value any) *time.Location { return o.Zone(value.(T)) }
	}
	if faults := check(o.Defaults); len(faults) > 0 {
		panic(fmt.Sprintf("tenants: defaults of settings: %v", faults))
	}
	s.standard = &readSettings{s, s.defaults, s.limits(s.defaults), s.zone(s.defaults)}
	return s
}

// fieldsOf reads the struct's fields. It panics if they can't be settings.
func fieldsOf(defaults reflect.Value) (fields []settingField) {
	for i, f := range reflect.VisibleFields(defaults.Type()) {
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || f.Anonymous || !settingKey.MatchString(key) {
			panic(fmt.Sprintf("tenants: field %s of the settings: it must be exported and have a json tag of lower-case letters, digits and _", f.Name))
		}
		standard, err := json.Marshal(defaults.Field(i).Interface())
		if err != nil {
			panic(fmt.Sprintf("tenants: default of the setting %s: %v", key, err))
		}
		one := settingField{key: key, label: f.Tag.Get("label"), hint: f.Tag.Get("hint"), index: i, kind: f.Type, standard: standard}
		if choices := f.Tag.Get("enum"); choices != "" {
			one.choices = strings.Split(choices, ",")
		}
		if one.label == "" {
			words := strings.ReplaceAll(key, "_", " ")
			one.label = strings.ToUpper(words[:1]) + words[1:]
		}
		fields = append(fields, one)
	}
	return fields
}

// decode sets the fields of a struct to values by key, and returns what is wrong with them. Unknown keys are left alone.
func (s *SettingsType) decode(into reflect.Value, values map[string]json.RawMessage) map[string]string {
	faults := map[string]string{}
	for _, f := range s.fields {
		raw, given := values[f.key]
		if !given {
			continue
		}
		value := reflect.New(f.kind)
		if err := json.Unmarshal(raw, value.Interface()); err != nil {
			faults[f.key] = f.want(value.Interface(), err)
			continue
		}
		into.Field(f.index).Set(value.Elem())
	}
	return faults
}

// want says which values are right.
func (f settingField) want(value any, err error) string {
	if _, own := value.(encoding.TextUnmarshaler); own {
		return err.Error()
	}
	if len(f.choices) > 0 {
		return "must be one of: " + strings.Join(f.choices, ", ")
	}
	switch k := f.kind.Kind(); {
	case k == reflect.String:
		return "must be a text"
	case k == reflect.Bool:
		return "must be true or false"
	case k >= reflect.Int && k <= reflect.Uint64:
		return "must be a whole number"
	case k == reflect.Float32, k == reflect.Float64:
		return "must be a number"
	}
	return "must be JSON such as " + string(f.standard)
}

// checkChoices returns what is not among the choices of its field.
func (s *SettingsType) checkChoices(value reflect.Value) map[string]string {
	faults := map[string]string{}
	for _, f := range s.fields {
		if len(f.choices) > 0 && !slices.Contains(f.choices, fmt.Sprint(value.Field(f.index).Interface())) {
			faults[f.key] = f.want(nil, nil)
		}
	}
	return faults
}

// SettingsError says what is wrong with settings.
type SettingsError struct {
	// Faults are messages by key.
	Faults map[string]string
}

// Error returns the keys with their messages.
func (e *SettingsError) Error() string {
	var parts []string
	for key, message := range e.Faults {
		parts = append(parts, key+" "+message)
	}
	slices.Sort(parts)
	return strings.Join(parts, "; ")
}

// StoredSettings are the values of a tenant's own, as a JSON object. Keys that this build doesn't know are kept: a newer
// one may.
type StoredSettings struct {
	text string
	read *atomic.Pointer[readSettings] // nil until the row was read
}

// readSettings are the values in force of one type.
type readSettings struct {
	of     *SettingsType
	value  any
	limits Limits
	zone   *time.Location
}

// String returns the JSON.
func (s StoredSettings) String() string {
	if s.text == "" {
		return "{}"
	}
	return s.text
}

// GormDataType is that of a text.
func (StoredSettings) GormDataType() string { return "string" }

// Value returns the JSON for the database.
func (s StoredSettings) Value() (driver.Value, error) { return s.String(), nil }

// Scan reads the JSON from the database.
func (s *StoredSettings) Scan(value any) error {
	switch v := value.(type) {
	case string:
		s.text = v
	case []byte:
		s.text = string(v)
	default:
		return fmt.Errorf("settings of a tenant: %T is no text", value)
	}
	s.read = new(atomic.Pointer[readSettings])
	return nil
}

// values returns the values by key. They are none if the text is damaged.
func (s StoredSettings) values() map[string]json.RawMessage {
	values := map[string]json.RawMessage{}
	if s.text != "" && json.Unmarshal([]byte(s.text), &values) != nil || values == nil {
		return map[string]json.RawMessage{}
	}
	return values
}

// maxSettings is the largest text of a tenant's settings, in bytes.
const maxSettings = 16 << 10

// ParseStoredSettings reads settings as String writes them. Returns an error if they are none.
func ParseStoredSettings(text string) (StoredSettings, error) {
	if text == "" || text == "{}" {
		return StoredSettings{}, nil
	}
	var values map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &values); err != nil || values == nil {
		return StoredSettings{}, fmt.Errorf("settings of a tenant: they are no JSON object")
	}
	return storedSettings(values)
}

func storedSettings(values map[string]json.RawMessage) (StoredSettings, error) {
	text, err := json.Marshal(values)
	if err == nil && len(text) > maxSettings {
		err = fmt.Errorf("settings of a tenant: they take %d bytes, and at most %d are stored", len(text), maxSettings)
	}
	if err != nil {
		return StoredSettings{}, err
	}
	return StoredSettings{text: string(text), read: new(atomic.Pointer[readSettings])}, nil
}

// of returns the values in force. A value that this build can't accept, such as one of a newer build, counts as not set.
func (s *SettingsType) of(t *Tenant) *readSettings {
	cell := t.Settings.read
	if cell != nil {
		if r := cell.Load(); r != nil && r.of == s {
			return r
		}
	}
	if t.Settings.String() == "{}" {
		return s.standard
	}
	value := s.resolve(t.Settings.values())
	r := &readSettings{s, value, s.limits(value), s.zone(value)}
	if cell != nil {
		cell.Store(r)
	}
	return r
}

func (s *SettingsType) resolve(values map[string]json.RawMessage) any {
	if len(values) == 0 {
		return s.defaults
	}
	for range s.fields {
		value, faults := s.set(values)
		known := 0
		for key := range faults {
			if _, given := values[key]; given {
				delete(values, key)
				known++
			}
		}
		if known == 0 {
			if len(faults) > 0 {
				break
			}
			return value
		}
	}
	return s.defaults
}

// noSettings is the type of an application without settings.
func noSettings() *SettingsType { return NewSettings(SettingsOptions[struct{}]{}) }

// Settings returns the settings of the tenant whose scope tx is of, without a query: they came with the tenant. Every
// process has a change within a second, for scopes that begin then. It panics if they are of another type than T, or if tx
// is not of a tenant's scope.
func Settings[T any](tx *gorm.DB) T {
	s := scopeOf(tx.Statement.Context)
	if s == nil || s.settings == nil {
		panic("tenants: settings for a *gorm.DB that is not of a tenant's scope")
	}
	return s.settings.value.(T)
}

// SettingsOf returns the settings of a tenant, as its row was read. It panics if they are of another type than T.
func SettingsOf[T any](s *Store, t *Tenant) T { return s.settings.of(t).value.(T) }

// Zone returns the tenant's time zone, as its row was read: UTC unless the settings say otherwise.
func (s *Store) Zone(t *Tenant) *time.Location { return s.settings.of(t).zone }

// Zone returns the time zone of the tenant whose scope tx is of: UTC unless the settings say otherwise.
func Zone(tx *gorm.DB) *time.Location {
	if s := scopeOf(tx.Statement.Context); s != nil && s.settings != nil {
		return s.settings.zone
	}
	return time.UTC
}
