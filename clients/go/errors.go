package valetkey

import (
	"encoding/json"
	"errors"
	"math"
	"net/url"
	"time"
)

// Codes of an Error that the client itself finds.
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
	CodeUnstable      = "UNSTABLE"       // the line is too slow, or breaks too often
)

// Codes of the service that a program may act on; docs/errors.md has their meaning, and all others.
const (
	CodeFileTooLarge         = "FILE_TOO_LARGE"
	CodeForbidden            = "FORBIDDEN"
	CodeInvalidReceipt       = "INVALID_RECEIPT"
	CodeInvalidUpload        = "INVALID_UPLOAD"
	CodeNotFound             = "NOT_FOUND"
	CodeQuotaExceeded        = "QUOTA_EXCEEDED"
	CodeRateLimited          = "RATE_LIMITED"
	CodeStorageFull          = "STORAGE_FULL"
	CodeTooManyOpenUploads   = "TOO_MANY_OPEN_UPLOADS"
	CodeUnauthenticated      = "UNAUTHENTICATED"
	CodeUnknownPolicy        = "UNKNOWN_POLICY"
	CodeUnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE"
	CodeUploadIncomplete     = "UPLOAD_INCOMPLETE"
	CodeUploadMismatch       = "UPLOAD_MISMATCH"
	CodeUploadPending        = "UPLOAD_PENDING"
	CodeUploadRefusedByScan  = "UPLOAD_REFUSED_BY_SCAN"
)

// Error is the error of all calls that talk to the service or the store.
type Error struct {
	Code       string          `json:"code"`   // for a program, such as CodeFileTooLarge or CodeOffline
	Title      string          `json:"title"`  // what happened
	Detail     string          `json:"detail"` // what to do about it
	Status     int             `json:"-"`      // of the service's or the store's answer; 0 if neither answered
	Problem    json.RawMessage `json:"-"`      // the service's answer: its other members depend on the code
	StoreCode  string          `json:"-"`      // of the store's answer, such as SignatureDoesNotMatch
	RetryAfter time.Duration   `json:"-"`      // where trying again helps later
	Err        error           `json:"-"`      // the cause, if there is one

	mayPass time.Duration // for how long another attempt may succeed; 0 if it is final
}

const always time.Duration = math.MaxInt64

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
	failed.mayPass = always
	return failed
}

// in returns an error as it is, or an empty one if there is none.
func in(err error) *Error {
	failed := &Error{}
	errors.As(err, &failed)
	return failed
}
