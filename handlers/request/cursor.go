package request

import (
	"encoding/base64"
	"strconv"
	"strings"
)

// cursor is the opaque text that stands for a place in the list.
func (p Page) cursor(keys []int64) string {
	words := []string{p.List}
	for _, key := range keys {
		words = append(words, strconv.FormatInt(key, 10))
	}
	return base64.RawURLEncoding.EncodeToString([]byte(strings.Join(words, " ")))
}

// ParseCursor reads what cursor made for this list; it is false for all else.
func (p Page) ParseCursor(text string) ([]int64, bool) {
	plain, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, false
	}
	words := strings.Split(string(plain), " ")
	if len(words) != 1+len(p.Order.Columns) || words[0] != p.List {
		return nil, false
	}
	keys := make([]int64, 0, len(p.Order.Columns))
	for _, word := range words[1:] {
		key, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			return nil, false
		}
		keys = append(keys, key)
	}
	return keys, text == p.cursor(keys)
}
