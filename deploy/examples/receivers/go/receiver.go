package main

import (
	"crypto/hmac"; "crypto/sha256"; "encoding/base64"; "encoding/json"; "fmt"; "io"
	"log"; "net/http"; "os"; "strconv"; "strings"; "sync"; "time"
)

var secret, _ = base64.StdEncoding.DecodeString(strings.TrimPrefix(os.Getenv("WEBHOOK_SECRET"), "whsec_"))
var work = map[string]string{"upload.confirmed": "use", "upload.mismatched": "discard"}
var handled sync.Map

func isGenuine(header http.Header, body []byte) (signed bool) {
	id, at := header.Get("webhook-id"), header.Get("webhook-timestamp")
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "%s.%s.%s", id, at, body)
	expected := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	for _, given := range strings.Fields(header.Get("webhook-signature")) {
		signed = signed || hmac.Equal([]byte(given), []byte(expected))
	}
	seconds, _ := strconv.ParseInt(at, 10, 64)
	return signed && time.Since(time.Unix(seconds, 0)).Abs() < 5*time.Minute
}

func hook(w http.ResponseWriter, r *http.Request) {
	var event struct{ Type string; Data struct{ Key string } }
	body, _ := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if !isGenuine(r.Header, body) || json.Unmarshal(body, &event) != nil {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	_, known := handled.LoadOrStore(r.Header.Get("webhook-id"), true)
	if what := work[event.Type]; !known && what != "" {
		fmt.Println(what, event.Data.Key)
	}
	w.WriteHeader(http.StatusNoContent)
}

func main() {
	if len(secret) < 24 {
		log.Fatal("WEBHOOK_SECRET is not a secret of the service")
	}
	http.HandleFunc("POST /hook", hook)
	log.Fatal(http.ListenAndServe("127.0.0.1:3000", nil))
}
