// Target: Gin with nested groups and its own Recovery. Usage: gin [-tls] [-profile FILE] PORT
package main

import (
	"io"
	"net/http"

	"github.com/gin-gonic/gin"

	"target/answers"
	"target/listen"
)

func routes() http.Handler {
	gin.SetMode(gin.ReleaseMode)
	gin.DefaultErrorWriter = io.Discard
	engine := gin.New()
	engine.Use(gin.Recovery())
	engine.Any("/hello", gin.WrapF(answers.Answer))
	engine.Any("/users/:id", gin.WrapF(answers.Answer))
	engine.Any("/users/:id/orders/*rest", gin.WrapF(answers.Answer))
	items := engine.Group("/api").Group("/v1")
	items.GET("/items/:item", gin.WrapF(answers.Answer))
	engine.Any("/hosted/:name", gin.WrapF(answers.Answer))
	engine.Any("/stream", gin.WrapF(answers.Stream))
	engine.Any("/silent", gin.WrapF(answers.Silent))
	engine.Any("/panic", gin.WrapF(answers.Panic))
	engine.Any("/hijack", gin.WrapF(answers.Hijack))
	engine.Any("/out", gin.WrapF(answers.Out))
	engine.Any("/rawfirst", gin.WrapF(answers.RawFirst))
	engine.Any("/deep", gin.WrapF(answers.Deep))
	return engine
}

func main() {
	listener := listen.Start()
	listen.HTTP(&http.Server{Handler: answers.WithContext(routes())}, listener)
}
