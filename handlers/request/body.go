package request

import (
	"encoding/json"
	"fmt"
	"mime"
	"reflect"
	"strings"

	"github.com/gin-gonic/gin"

	"tenantry/handlers/problem"
	"tenantry/tenants/web"
)

// ReadInput reads the body, which must be one JSON object.
func ReadInput(c *gin.Context) (*Input, error) {
	data, err := ReadBody(c, "application/json", isJSON)
	if err != nil {
		return nil, err
	}
	return ParseInput(data)
}

func isJSON(mediaType string) bool {
	return mediaType == "application/json" || strings.HasPrefix(mediaType, "application/") && strings.HasSuffix(mediaType, "+json")
}

// ReadBody returns the body if its media type is accepted, or problem.ErrMediaType,
// whose detail names the type that is wanted. web.Scoped or web.Buffered has read the
// body into memory.
func ReadBody(c *gin.Context, wanted string, accepted func(mediaType string) bool) ([]byte, error) {
	data, err := c.GetRawData()
	if err != nil {
		return nil, web.BodyError(err)
	}
	if len(data) == 0 {
		return nil, problem.Malformed("The body is empty.")
	}
	mediaType, params, err := mime.ParseMediaType(c.GetHeader("Content-Type"))
	if err != nil || !accepted(mediaType) {
		return nil, problem.New(problem.ErrMediaType, "The body must be "+wanted+", and Content-Type must say so.")
	}
	if charset, ok := params["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return nil, problem.New(problem.ErrMediaType, "The body must be in UTF-8.")
	}
	if coding := c.GetHeader("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return nil, problem.New(problem.ErrMediaType, "The body must not be compressed.")
	}
	return data, nil
}

// Decode reads the body, one JSON object, into the struct that into points to, by
// the json tags of its fields. Members that are unknown, of the wrong type, or text
// that no row can hold are faults. Only pointers may be null.
func Decode(c *gin.Context, into any) error {
	in, err := ReadInput(c)
	if err != nil {
		return err
	}
	fields := reflect.ValueOf(into).Elem()
	for i := range fields.NumField() {
		name := fields.Type().Field(i).Tag.Get("json")
		if raw, ok := in.Take(name); ok {
			in.fill(name, raw, fields.Field(i))
		}
	}
	return in.Done()
}

// fill puts a member into a field of a struct.
func (in *Input) fill(name string, raw json.RawMessage, field reflect.Value) {
	plain := field
	if field.Kind() == reflect.Pointer {
		plain = reflect.New(field.Type().Elem()).Elem()
	} else if isNull(raw) {
		in.Add(name, "must not be null")
		return
	}
	switch err := json.Unmarshal(raw, field.Addr().Interface()); {
	case err != nil:
		in.Add(name, wrongType(plain.Interface()))
	case !isText(fmt.Sprint(reflect.Indirect(field))):
		in.Add(name, notText)
	}
}
