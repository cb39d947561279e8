package valetkey

import (
	"encoding/json"
	"errors"
	"net/url"
	"time"
)

// Codes of an Error beside those of the service, which docs/errors.md lists.
const (
	CodeAborted       = "ABORTED"        // the context ended; errors.Is finds its error
	CodeFileChanged   = "FILE_CHANGED"   // the file cannot be read, or changed meanwhile
	CodeInvalidAnswer = "INVALID_ANSWER" // something else is at BaseURL, or this client is too old
	CodeInvalidFile   = "INVALID_FILE"   // it is a folder, not there, or no key
	CodeNoToken       = "NO_TOKEN"       // the option Token failed
	CodeOffline       = "OFFLINE"        // the service does not answer
	CodeStateFailed   = "STATE_FAILED"   // the upload cannot be remembered
	CodeStoreOffline  = "STORE_OFFLINE"  // the service answers, and the store does not
	CodeStoreRefused  = "STORE_REFUSED"  // StoreCode is the store's own word for why
)

// Error is the error of all calls that talk to the service or the store.
type Error struct {
	Code       string          `json:"code"`   // for a program, such as FILE_TOO_LARGE, QUOTA_EXCEEDED or OFFLINE
	Title      string          `json:"title"`  // what happened
	Detail     string          `json:"detail"` // what to do about it
	Status     int             `json:"-"`      // of the service's or the store's answer; 0 if neither answered
	Problem    json.RawMessage `json:"-"`      // the service's answer: its other members depend on the code
	StoreCode  string          `json:"-"`      // of the store's answer, such as SignatureDoesNotMatch
	RetryAfter time.Duration   `json:"-"`      // where trying again helps later
	Err        error           `json:"-"`      // the cause, if there is one

	mayPass bool // another attempt may succeed
}

func (e *Error) Error() string {
	text := "valetkey: " + e.Code + ": " + e.Title + ". " + e.Detail
	if e.Err != nil {
		text += " (" + e.Err.Error() + ")"
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// newError makes an error of a cause, without the URL that net/http names: it may be signed.
func newError(code, title, detail string, cause error) *Error {
	var failed *url.Error
	if errors.As(cause, &failed) {
		cause = failed.Err
	}
	return &Error{Code: code, Title: title, Detail: detail, Err: cause}
}

func passing(failed *Error) *Error {
	failed.mayPass = true
	return failed
}
