// A server and a client of net/http: what the reader is asked for is in it. Never run.
package main

import (
	"fmt"
	"io"
	"net/http"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		answer, err := http.Get("http://" + r.Host + r.URL.Path)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer answer.Body.Close()
		if _, err := io.Copy(w, answer.Body); err != nil {
			fmt.Println(err)
		}
	})
	fmt.Println(http.ListenAndServe("localhost:0", nil))
}
