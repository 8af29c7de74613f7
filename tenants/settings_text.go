package tenants

import (
	"encoding"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm"
)

// Setting is a setting of a tenant.
type Setting struct {
	// Key names it. Label and Hint are for people, and Choices are the texts that it can have, if they are few.
	Key, Label, Hint string
	Choices          []string
	// Value is the value in force as JSON, and Default that of a tenant without one of its own.
	Value, Default json.RawMessage
	// Own is false for the default.
	Own bool
}

// Text returns the value as people type it.
func (s Setting) Text() string { return settingText(s.Value) }

// DefaultText returns the default as people type it.
func (s Setting) DefaultText() string { return settingText(s.Default) }

func settingText(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}

// Settings returns the tenant's settings in the order of the application's struct.
func (s *Store) Settings(t *Tenant) []Setting {
	value, stored := reflect.ValueOf(s.settings.of(t).value), t.Settings.values()
	all := make([]Setting, 0, len(s.settings.fields))
	for _, f := range s.settings.fields {
		raw, err := json.Marshal(value.Field(f.index).Interface())
		if err != nil {
			raw = f.standard
		}
		own, given := stored[f.key]
		all = append(all, Setting{
			Key: f.key, Label: f.label, Hint: f.hint, Choices: f.choices, Value: raw, Default: f.standard, Own: given && string(compacted(f, own)) == string(raw),
		})
	}
	return all
}

// compacted returns a value as Go writes one of the field's type, or nil if it isn't of that type.
func compacted(f settingField, raw json.RawMessage) json.RawMessage {
	value := reflect.New(f.kind)
	if json.Unmarshal(raw, value.Interface()) != nil {
		return nil
	}
	text, err := json.Marshal(value.Elem().Interface())
	if err != nil {
		return nil
	}
	return text
}

// field returns the field with the key, or nil.
func (s *SettingsType) field(key string) *settingField {
	i := slices.IndexFunc(s.fields, func(f settingField) bool { return f.key == key })
	if i < 0 {
		return nil
	}
	return &s.fields[i]
}

// unknown says that there is no such setting.
func (s *SettingsType) unknown() string {
	if len(s.fields) == 0 {
		return "is not a setting; the application has none"
	}
	var keys []string
	for _, f := range s.fields {
		keys = append(keys, f.key)
	}
	return "is not a setting; there are " + strings.Join(keys, ", ")
}

// ReadSettings returns values as people type them as JSON, for ChangeSettings: an empty text is null, which stands for the
// default.
func (s *Store) ReadSettings(typed map[string]string) map[string]json.RawMessage {
	values := map[string]json.RawMessage{}
	for key, text := range typed {
		f := s.settings.field(key)
		switch {
		case text == "":
			values[key] = json.RawMessage("null")
		case f != nil && !f.isText() && json.Valid([]byte(text)):
			values[key] = json.RawMessage(text)
		default:
			values[key], _ = json.Marshal(text) // a text can always be written
		}
	}
	return values
}

// isText reports whether the value's JSON is a text.
func (f settingField) isText() bool {
	_, own := reflect.New(f.kind).Interface().(encoding.TextUnmarshaler)
	return own || f.kind.Kind() == reflect.String
}

// ChangeSettings returns the stored settings of a tenant with new values by key, where null stands for the default, and
// the keys whose value differs. Returns a *SettingsError about all that is wrong.
func (s *Store) ChangeSettings(old StoredSettings, changes map[string]json.RawMessage) (StoredSettings, []string, error) {
	faults := map[string]string{}
	values := s.settings.accepted(old.values())
	stored, changed := old.values(), []string{}
	for _, key := range slices.Sorted(maps.Keys(changes)) {
		raw, f := changes[key], s.settings.field(key)
		if f == nil {
			faults[key] = s.settings.unknown()
			continue
		}
		before, had := stored[key]
		if string(raw) == "null" {
			delete(values, key)
			delete(stored, key)
		} else {
			values[key] = raw
			if stored[key] = compacted(*f, raw); stored[key] == nil {
				stored[key] = raw
			}
		}
		if after, has := stored[key]; has != had || string(after) != string(before) {
			changed = append(changed, key)
		}
	}
	if _, wrong := s.settings.set(values); len(wrong) > 0 {
		maps.Copy(faults, wrong)
	}
	if len(faults) > 0 {
		return old, nil, &SettingsError{faults}
	}
	result, err := storedSettings(stored)
	return result, changed, err
}

// accepted returns those of the values that this build accepts.
func (s *SettingsType) accepted(values map[string]json.RawMessage) map[string]json.RawMessage {
	s.resolve(values) // removes the others
	return values
}

// SettingFilter selects tenants by the value of a setting.
type SettingFilter struct{ key, value, standard string }

// FilterSettings returns filters for values in force as people type them; an empty text stands for the default. Returns a
// *SettingsError if there is no such setting or value.
func (s *Store) FilterSettings(typed map[string]string) ([]SettingFilter, error) {
	var filters []SettingFilter
	faults := map[string]string{}
	values := s.ReadSettings(typed)
	for _, key := range slices.Sorted(maps.Keys(values)) {
		f := s.settings.field(key)
		if f == nil {
			faults[key] = s.settings.unknown()
			continue
		}
		value := f.standard
		if raw := values[key]; string(raw) != "null" {
			if value = compacted(*f, raw); value == nil {
				value = raw
			}
			if _, wrong := s.settings.set(map[string]json.RawMessage{key: raw}); wrong[key] != "" {
				faults[key] = wrong[key]
			}
		}
		filters = append(filters, SettingFilter{key, string(value), string(f.standard)})
	}
	if len(faults) > 0 {
		return nil, &SettingsError{faults}
	}
	return filters, nil
}

// Narrow adds the filter's condition to tx.
func (f SettingFilter) Narrow(tx *gorm.DB) *gorm.DB {
	if tx.Name() == "postgres" {
		return tx.Where("coalesce(settings::jsonb -> ?, ?::jsonb) = ?::jsonb", f.key, f.standard, f.value)
	}
	return tx.Where("coalesce(settings -> ?, ?) = ?", "$."+f.key, f.standard, f.value)
}

// Takes reports whether the filter selects the tenant.
func (f SettingFilter) Takes(t *Tenant) bool {
	value, given := t.Settings.values()[f.key]
	if !given {
		return f.standard == f.value
	}
	return string(value) == f.value
}
