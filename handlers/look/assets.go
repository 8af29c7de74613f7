// Package look has what the pages of tenants and operators share: the style sheet
// and scripts, the loading of templates, and forms.
//
//	assets.go    the style sheet and scripts, under names that change with their content
//	templates.go renders pages from templates
//	path.go      paths on this host that a redirect may lead to
//	form.go      forms: their fields, what was typed, and what is wrong with it
//	failure.go   the page of a failed request
//	kept.go      what was typed into a form that failed
package look

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strings"

	"github.com/gin-gonic/gin"
)

//go:embed assets
var assetFiles embed.FS

// asset is a file that pages load.
type asset struct {
	contentType string
	content     []byte
}

// Assets has all files that pages load. It never changes.
type Assets struct {
	names map[string]string // by file name: the name in URLs
	files map[string]asset  // by the name in URLs
}

// LoadAssets loads the embedded files. Names in URLs depend on the content, so
// browsers may cache each file for ever.
func LoadAssets() Assets {
	a := Assets{names: map[string]string{}, files: map[string]asset{}}
	entries, err := assetFiles.ReadDir("assets")
	if err != nil {
		panic(err) // embedded files can always be read
	}
	types := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
		".svg": "image/svg+xml"}
	for _, entry := range entries {
		ext := path.Ext(entry.Name())
		if types[ext] == "" {
			continue // a licence
		}
		content, err := assetFiles.ReadFile("assets/" + entry.Name())
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(content)
		name := strings.TrimSuffix(entry.Name(), ext) + "." + hex.EncodeToString(sum[:6]) + ext
		a.names[entry.Name()], a.files[name] = name, asset{types[ext], content}
	}
	return a
}

// url returns the URL of a file, for templates. It panics if there is no such file.
func (a Assets) url(name string) string {
	hashed, ok := a.names[name]
	if !ok {
		panic("look: no asset " + name)
	}
	return "/assets/" + hashed
}

// Serve serves the file of the path /assets/:file at every host: error pages need
// the files too, and they reveal nothing about tenants. If there is no such file,
// it leaves the request to the next handler.
func (a Assets) Serve(c *gin.Context) {
	file, ok := a.files[c.Param("file")]
	if !ok {
		return
	}
	c.Header("Cache-Control", "public, max-age=31536000, immutable")
	c.Data(http.StatusOK, file.contentType, file.content)
	c.Abort()
}
