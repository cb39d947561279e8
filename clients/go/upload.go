package valetkey

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// leastPart is that of most stores, in bytes. Larger files go in parts.
const leastPart = 5 << 20

// Source is what is uploaded. It is read as often as it has to be sent, at several places at once,
// and must not change meanwhile. A bytes.Reader and a strings.Reader have Size and are a Reader.
type Source struct {
	Name   string
	Size   int64
	Reader io.ReaderAt
	// Modified is the time of the last change. An upload without it is never continued: another file
	// of the same name and size could be taken for this one.
	Modified time.Time
}

// UploadOptions of one upload; none is needed.
type UploadOptions struct {
	Filename    string            // by default the source's own
	ContentType string            // by default the usual one of the extension
	Policy      string            // by default "files"
	Metadata    map[string]string // up to 16 pairs of text, 1 KiB together, which the result has again
	Progress    func(Progress)    // called by one goroutine at a time; it must not block
	// StateFolder lets another process continue an upload in parts, within a day: it has a file for
	// each, without URLs and without a token of the caller. Without it the parts of an upload that
	// fails are removed.
	StateFolder string
}

// Progress of an upload, in bytes, of which some may still be on their way.
type Progress struct {
	Sent, Total int64 // Sent falls where something is sent again
	Retrying    error // what has failed, and is tried again while there is time; nil if nothing has
}

// Result of an upload: a file that is in the store, and confirmed.
type Result struct {
	Key         string            `json:"key"` // the name of the object in its bucket: what to keep
	Size        int64             `json:"size"`
	ContentType string            `json:"content_type"`
	ETag        string            `json:"etag"`
	Version     string            `json:"version"`
	Checksum    *Checksum         `json:"checksum"`
	Metadata    map[string]string `json:"metadata"`
	ServerData  json.RawMessage   `json:"server_data"` // what the host of an embedded service returned
	Final       bool              `json:"final"`       // false while URLs of the upload could change the file
	GetURL      string            `json:"get_url"`     // shows it to everyone, for as long as the policy says
	FileURL     string            `json:"file_url"`    // opens it for members of the organization, for good
	Receipt     string            `json:"receipt"`     // for Link, and for a backend that confirms again
}

// FileRequest is what Presign asks for.
type FileRequest struct {
	Filename    string            `json:"filename"`
	ContentType string            `json:"content_type"`
	Size        int64             `json:"size"`
	Policy      string            `json:"policy,omitempty"`
	Metadata    map[string]string `json:"metadata,omitempty"`
	Checksum    *Checksum         `json:"checksum,omitempty"`
	Strict      bool              `json:"strict,omitempty"` // binds all that the store can enforce
}

// Grant is a signed PUT: to be sent with exactly PutHeaders, and a Content-Length.
type Grant struct {
	PutURL       string            `json:"put_url"`
	PutHeaders   map[string]string `json:"put_headers"`
	PutExpiresAt time.Time         `json:"put_expires_at"`
	Key          string            `json:"key"`
	Receipt      string            `json:"receipt"` // for Confirm, once the file was sent
}

// Presign asks for an upload URL that somebody else uses. Upload does so by itself.
func (c *Client) Presign(ctx context.Context, file FileRequest) (grant Grant, err error) {
	err = c.ask(ctx, http.MethodPost, "/presign", file, &grant)
	return grant, err
}

// Confirm confirms an upload, and waits until it is ready. It needs the scope confirm.
func (c *Client) Confirm(ctx context.Context, receipt string) (*Result, error) {
	result := &Result{Receipt: receipt} // the answer has none
	body := map[string]string{"receipt": receipt}
	err := c.ask(ctx, http.MethodPost, "/confirm", body, result)
	return result, err
}

// UploadFile uploads the file at a path, and confirms it.
func (c *Client) UploadFile(ctx context.Context, path string, options UploadOptions) (*Result, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, newError(CodeInvalidFile, "The file cannot be opened", "Check its path.", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, newError(CodeInvalidFile, path+" is no file", "Upload the files in it.", err)
	}
	return c.Upload(ctx, Source{filepath.Base(path), info.Size(), file, info.ModTime()}, options)
}

// upload is one under way.
type upload struct {
	*Client
	source Source
	given  UploadOptions
	asked  FileRequest
	policy Policy // empty if it is not among those of the caller
	begun  begun  // of a file in parts
	lane   sync.Mutex

	mu         sync.Mutex
	sent       int64
	progressAt time.Time
}

// Upload uploads a source, and confirms it. After an error, call it again with the same StateFolder to
// send only what is missing.
func (c *Client) Upload(ctx context.Context, source Source, options UploadOptions) (*Result, error) {
	own := *c
	u := &upload{Client: &own, source: source, given: options}
	own.upload = u
	policies, err := u.Policies(ctx)
	if err != nil {
		return nil, err
	}
	for _, policy := range policies {
		if policy.Name == cmp.Or(options.Policy, "files") {
			u.policy = policy
		}
	}
	u.asked = FileRequest{
		Filename: cmp.Or(options.Filename, source.Name), Size: source.Size, Policy: options.Policy,
		Metadata: options.Metadata,
	}
	extension := strings.ToLower(filepath.Ext(u.asked.Filename))
	u.asked.ContentType = cmp.Or(options.ContentType, u.policy.Extensions[extension],
		mime.TypeByExtension(extension), "application/octet-stream")
	if u.policy.Multipart != nil && source.Size > leastPart {
		return u.inParts(ctx)
	}
	return u.whole(ctx)
}

// whole uploads the file with one PUT.
func (u *upload) whole(ctx context.Context) (*Result, error) {
	all := &part{content: io.NewSectionReader(u.source.Reader, 0, u.source.Size)}
	if err := u.send(ctx, all); err != nil {
		return nil, err
	}
	return u.Confirm(ctx, all.receipt)
}

// show adds bytes to those that were sent, and returns when that were last more than ever.
func (u *upload) show(bytes int64, failed error) time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.count(bytes, failed)
	return u.progressAt
}

// count does so while mu is held.
func (u *upload) count(bytes int64, failed error) {
	u.sent += bytes
	if u.given.Progress != nil {
		u.given.Progress(Progress{u.sent, u.source.Size, failed})
	}
}
