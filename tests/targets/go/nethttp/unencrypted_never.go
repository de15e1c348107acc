//go:build !go1.24

package main

import (
	"errors"
	"net/http"
)

func allowUnencryptedHTTP2(*http.Server) error {
	return errors.New("-h2c needs Go 1.24 or later: take the target h2c")
}
