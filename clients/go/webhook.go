package valetkey

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// ErrNotGenuine: the message is not signed with a known secret, or not of now. Answer it with 401.
var ErrNotGenuine = errors.New("valetkey: the message is not signed with a known secret, or not of now")

// Event is a message of the service.
type Event struct {
	ID        string    `json:"-"`    // the same when a message is repeated: handle each once
	Type      string    `json:"type"` // such as upload.confirmed; others may be added
	Timestamp time.Time `json:"timestamp"`
	Data      struct {
		Key          string            `json:"key"`
		Organization string            `json:"organization"`
		FileURL      string            `json:"file_url"`
		PublicURL    string            `json:"public_url"` // "" unless the file is public
		Subject      string            `json:"subject"`
		Policy       string            `json:"policy"`
		Filename     string            `json:"filename"`
		Path         string            `json:"path"`
		Size         int64             `json:"size"`
		ContentType  string            `json:"content_type"`
		Metadata     map[string]string `json:"metadata"`
		Percent      int               `json:"percent"` // of usage.threshold, as the next three
		Files        int64             `json:"files"`
		Bytes        int64             `json:"bytes"`
		Limit        int64             `json:"limit"`
	} `json:"data"`
	Body json.RawMessage `json:"-"` // all of it
}

// ReceiveEvent reads the body of a request, and verifies it (Standard Webhooks) with the secrets that
// may have signed it: of the service's EVENTS_SECRETS, two while one is replaced. The error is
// ErrNotGenuine, or another if the body cannot be read, has more than 1 MiB or is no event.
func ReceiveEvent(request *http.Request, secrets ...string) (*Event, error) {
	body, err := io.ReadAll(http.MaxBytesReader(nil, request.Body, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("valetkey: cannot read the message: %w", err)
	}
	id, at := request.Header.Get("Webhook-Id"), request.Header.Get("Webhook-Timestamp")
	isSigned := false
	for _, secret := range secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		if err != nil || len(key) < 24 {
			return nil, errors.New("valetkey: a secret is whsec_ and at least 24 bytes in base64")
		}
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%s.%s", id, at, body)
		expected := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
		for _, given := range strings.Fields(request.Header.Get("Webhook-Signature")) {
			isSigned = hmac.Equal([]byte(given), []byte(expected)) || isSigned
		}
	}
	seconds, err := strconv.ParseInt(at, 10, 64)
	if !isSigned || err != nil || time.Since(time.Unix(seconds, 0)).Abs() > 5*time.Minute {
		return nil, ErrNotGenuine
	}
	event := &Event{ID: id, Body: body}
	if err := json.Unmarshal(body, event); err != nil {
		return nil, fmt.Errorf("valetkey: the message is no event: %w", err)
	}
	return event, nil
}
