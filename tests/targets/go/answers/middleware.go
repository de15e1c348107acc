package answers

import (
	"context"
	"net/http"
)

type contextKey struct{}

// WithContext hands requests that carry X-With-Context on as a copy with a context of its own, as tracing and
// authentication middlewares do: the router then sees another *http.Request than the server.
func WithContext(next http.Handler) http.Handler {
	return http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		if value := request.Header.Get("X-With-Context"); value != "" {
			request = request.WithContext(context.WithValue(request.Context(), contextKey{}, value))
		}
		next.ServeHTTP(writer, request)
	})
}
