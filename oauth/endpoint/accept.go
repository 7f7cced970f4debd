package endpoint

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// wanted answers how much a caller wants an answer of a media type, from 0 for not at all to 1, and whether it names that
// very type: the most specific range that holds the type decides (RFC 9110 §12.5.1). Who sends no Accept takes anything.
func wanted(request *http.Request, mediaType string) (quality float64, named bool) {
	accept := strings.Join(request.Header.Values("Accept"), ",")
	if strings.TrimSpace(accept) == "" {
		return 1, false
	}
	kind, _, _ := strings.Cut(mediaType, "/")
	found := 0
	for part := range strings.SplitSeq(accept, ",") {
		accepted, parameters, err := mime.ParseMediaType(part)
		specific := map[string]int{"*/*": 1, kind + "/*": 2, mediaType: 3}[accepted]
		if err != nil || specific <= found {
			continue
		}
		found, quality = specific, 1
		if text, given := parameters["q"]; given {
			quality, _ = strconv.ParseFloat(text, 64) // What is no number is not wanted.
		}
	}
	return quality, found == 3
}
