package main

import (
	"log"
	"net/http"
	"os"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func main() {
	pem, err := os.ReadFile("upload-key.pem")
	if err != nil {
		log.Fatal(err)
	}
	key, err := jwt.ParseRSAPrivateKeyFromPEM(pem)
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("GET /upload-token", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Cache-Control", "no-store")
		person, signedIn := personOf(r)
		if !signedIn {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		token, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
			"iss":           "https://app.example.com",
			"aud":           "https://uploads.example.com",
			"sub":           person.ID,
			"organizations": person.Organizations,
			"scope":         "write confirm",
			"exp":           time.Now().Add(5 * time.Minute).Unix(),
		}).SignedString(key)
		if err != nil {
			http.Error(w, "cannot sign", http.StatusInternalServerError)
			return
		}
		w.Write([]byte(token))
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:3000", nil))
}
