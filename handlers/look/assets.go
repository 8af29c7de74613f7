// Package look is what all pages have in common, those of the tenants and the
// operator's: the style sheet and scripts, how templates are read, and forms.
//
//	assets.go    the style sheet and scripts, under names that change with them
//	templates.go pages from their templates
//	path.go      paths of this host, to go on to
//	form.go      forms: their fields, what was typed, and what is wrong with it
//	failure.go   what is shown of a request that failed
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

// asset is a file that pages need.
type asset struct {
	contentType string
	content     []byte
}

// Assets are all of them. They never change.
type Assets struct {
	names map[string]string // from the file's name to that in URLs
	files map[string]asset  // by the name in URLs
}

// LoadAssets names the embedded files by their content, so that browsers may
// keep each for ever.
func LoadAssets() Assets {
	a := Assets{names: map[string]string{}, files: map[string]asset{}}
	entries, err := assetFiles.ReadDir("assets")
	if err != nil {
		panic(err) // they are embedded: only a broken build gets here
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

// url is where the file is, for templates. It panics for one that isn't there.
func (a Assets) url(name string) string {
	hashed, ok := a.names[name]
	if !ok {
		panic("look: no asset " + name)
	}
	return "/assets/" + hashed
}

// Serve serves the file of the path, /assets/:file, at every host alike: error
// pages need them too, and they tell nothing of who is served there. For what is
// none the chain goes on.
func (a Assets) Serve(c *gin.Context) {
	file, ok := a.files[c.Param("file")]
	if !ok {
		return
	}
	c.Header("Cache-Control", "public, max-age=31536000, immutable")
	c.Data(http.StatusOK, file.contentType, file.content)
	c.Abort()
}
