package valetkey

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func message(secret, id, at, body string) *http.Request {
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + at + "." + body))
	request := httptest.NewRequest(http.MethodPost, "/hook", strings.NewReader(body))
	request.Header.Set("webhook-id", id)
	request.Header.Set("webhook-timestamp", at)
	request.Header.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return request
}

func now(after time.Duration) string { return strconv.FormatInt(time.Now().Add(after).Unix(), 10) }

const body = `{"type":"upload.confirmed","timestamp":"2026-11-28T12:06:35.348Z","data":{"key":"é"}}`

// The vector of the specification of Standard Webhooks.
func TestTheSignatureIsThatOfTheSpecification(t *testing.T) {
	signed := message(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", `{"test": 2432232314}`)
	if got := signed.Header.Get("webhook-signature"); got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Error(got)
	}
}

func TestAMessageOfAnyKnownSecretIsVerified(t *testing.T) {
	other := "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 32))
	for _, signedBy := range []string{secret, other} {
		event, err := ReceiveEvent(message(signedBy, "evt_1", now(0), body), other, secret)
		if err != nil || event.ID != "evt_1" || event.Type != "upload.confirmed" || event.Data.Key != "é" {
			t.Error(event, err)
		}
	}
	rotated := message(secret, "evt_1", now(0), body)
	rotated.Header.Set("webhook-signature", "v1,AAAA v1a,BBBB "+rotated.Header.Get("webhook-signature"))
	if _, err := ReceiveEvent(rotated, secret); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNotGenuineIsRefused(t *testing.T) {
	changed := message(secret, "evt_1", now(0), body)
	changed.Header.Set("webhook-id", "evt_2")
	unsigned := message(secret, "evt_1", now(0), body)
	unsigned.Header.Del("webhook-signature")
	for name, request := range map[string]*http.Request{
		"another id": changed, "no signature": unsigned,
		"too old":        message(secret, "evt_1", now(-6*time.Minute), body),
		"of the future":  message(secret, "evt_1", now(6*time.Minute), body),
		"no time":        message(secret, "evt_1", "soon", body),
		"an endless one": message(secret, "evt_1", "9223372036854775807", body),
		"another secret": message("whsec_"+strings.Repeat("A", 32), "evt_1", now(0), body),
	} {
		if event, err := ReceiveEvent(request, secret); !errors.Is(err, ErrNotGenuine) {
			t.Error(name, event, err)
		}
	}
	if _, err := ReceiveEvent(message(secret, "evt_1", now(0), body)); !errors.Is(err, ErrNotGenuine) {
		t.Error("without a secret nothing is genuine", err)
	}
	large := message(secret, "evt_1", now(0), strings.Repeat(" ", 1<<20)+body)
	if _, err := ReceiveEvent(large, secret); err == nil || errors.Is(err, ErrNotGenuine) {
		t.Error("a body without end was read", err)
	}
	for _, short := range []string{"whsec_", "whsec_AAAA", "whsec_!"} {
		if _, err := ReceiveEvent(message(short, "evt_1", now(0), body), short); err == nil {
			t.Error("a secret that is none was taken", short)
		}
	}
}
