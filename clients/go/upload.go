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

// FileSource returns an open file as a source. Close it once the upload has returned.
func FileSource(file *os.File) (Source, error) {
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return Source{}, newError(CodeInvalidFile, file.Name()+" is no file", "Upload the files in it.", err)
	}
	return Source{filepath.Base(file.Name()), info.Size(), file, info.ModTime()}, nil
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
	Sent, Total int64 // Sent falls where something is sent again, and is Total once it is confirmed
	Retrying    error // what has failed and is tried again; nil if nothing has
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

func (r *Result) isValid() bool { return r.Key != "" && r.Receipt != "" }

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
	isValid := func() bool { return isURL(grant.PutURL) && grant.Receipt != "" }
	err = c.ask(ctx, http.MethodPost, "/presign", file, &grant, isValid)
	return grant, err
}

// Confirm confirms an upload, and waits until it is ready. It needs the scope confirm.
func (c *Client) Confirm(ctx context.Context, receipt string) (*Result, error) {
	result := &Result{Receipt: receipt} // the answer has none
	body := map[string]string{"receipt": receipt}
	if err := c.ask(ctx, http.MethodPost, "/confirm", body, result, result.isValid); err != nil {
		return nil, err
	}
	return result, nil
}

// UploadFile uploads the file at a path, and confirms it.
func (c *Client) UploadFile(ctx context.Context, path string, options UploadOptions) (*Result, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, newError(CodeInvalidFile, "The file cannot be opened", "Check its path.", err)
	}
	defer file.Close()
	source, err := FileSource(file)
	if err != nil {
		return nil, err
	}
	return c.Upload(ctx, source, options)
}

// upload is one under way.
type upload struct {
	*Client
	run    *run
	source Source
	given  UploadOptions
	asked  FileRequest
	policy Policy // empty if it is not among those of the caller

	// Of a file in parts.
	begun    begun
	verified bool

	mu       sync.Mutex
	sent     map[int]sentPart // that are in the store as they are in the file
	progress Progress
	sum      int64
	busy     int  // bodies on their way
	isQuick  bool // the line carried the last body quickly
	freed    sync.Cond
}

// Upload uploads a source, and confirms it. After an error, call it again with the same StateFolder to
// send only what is missing.
func (c *Client) Upload(ctx context.Context, source Source, options UploadOptions) (result *Result, err error) {
	if source.Size <= 0 || source.Reader == nil {
		return nil, newError(CodeInvalidFile, source.Name+" is empty", "Upload a file with content.", nil)
	}
	ctx, r := c.begin(ctx)
	u := &upload{Client: c, run: r, source: source, given: options, progress: Progress{Total: source.Size}}
	u.freed.L = &u.mu
	r.onRetry = func(failed error) { u.show(0, failed) }
	policies, err := c.Policies(ctx)
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
		result, err = u.inParts(ctx)
	} else {
		result, err = u.whole(ctx)
	}
	if err != nil {
		return nil, err
	}
	u.progress.Sent = source.Size
	u.show(0, nil)
	return result, nil
}

// whole uploads the file with one PUT.
func (u *upload) whole(ctx context.Context) (result *Result, err error) {
	all := &part{size: u.source.Size}
	u.asked.Strict = true
	if algorithm := chooseAlgorithm(u.policy.Checksums); algorithm != "" {
		if all.sum, err = u.checksum(ctx, all, algorithm); err != nil {
			return nil, err
		}
		u.asked.Checksum = &all.sum
	}
	err = u.run.persist(ctx, func() (bool, error) {
		if _, err := u.send(ctx, all); err != nil {
			return false, err
		}
		result, err = u.Confirm(ctx, all.receipt)
		if failed, _ := err.(*Error); failed != nil && failed.Code == "UPLOAD_INCOMPLETE" {
			// Something else has answered the PUT, such as a captive portal.
			err = &transient{failed, mostResends}
		}
		return false, err
	})
	return result, err
}

// show adds bytes to those that were sent.
func (u *upload) show(bytes int64, failed error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.sum += bytes
	u.tell(failed)
}

// tell calls the function of the options; mu is held.
func (u *upload) tell(failed error) {
	u.progress.Retrying = failed
	if u.progress.Sent < u.progress.Total {
		u.progress.Sent = min(u.sum, u.progress.Total-1)
	}
	if u.given.Progress != nil {
		u.given.Progress(u.progress)
	}
}
