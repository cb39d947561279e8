package valetkey

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"mime"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// UploadOptions of one upload; none is needed.
type UploadOptions struct {
	Filename    string            // by default the source's own
	Path        string            // in its folder, such as "holidays/a.png", which the result has again
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
	Filename    string            `json:"filename"`
	Path        string            `json:"path"`
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
	PublicURL   string            `json:"public_url"`  // shows it to everybody, for good; "" unless its policy is public
	Receipt     string            `json:"receipt"`     // for Link, and for a backend that confirms again
}

func (r *Result) isUsable() bool {
	return r.Key != "" && r.Receipt != "" && isURL(r.GetURL) && isURL(r.FileURL) &&
		(r.PublicURL == "" || isURL(r.PublicURL))
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

// UploadReader uploads all that a reader has, such as a pipe, once it is in a temporary file.
func (c *Client) UploadReader(ctx context.Context, name string, reader io.Reader, options UploadOptions) (*Result, error) {
	file, err := os.CreateTemp("", "valetkey-*")
	var size int64
	if err == nil {
		defer os.Remove(file.Name())
		defer file.Close()
		size, err = io.Copy(file, reader)
	}
	if err != nil {
		return nil, newError(CodeInvalidFile, name+" cannot be read, or not be kept",
			"Check the reader, and the room for temporary files.", err)
	}
	return c.Upload(ctx, Source{Name: name, Size: size, Reader: file}, options)
}

// upload is one under way.
type upload struct {
	*Client
	source     Source
	before     string // the facts of the source
	given      UploadOptions
	asked      FileRequest
	policy     Policy // empty if it is not among those of the caller
	algorithm  string // of checksums
	isVerified bool   // by the store
	parts      []*part
	resends    int

	begun   begun  // of a file in parts, and the checksums of one that is not
	file    string // where it is remembered; "" if it is not
	signing sync.Mutex

	mu         sync.Mutex
	sent       int64
	progressAt time.Time
	breaks     int // since a part got through
}

// Upload uploads a source, and confirms it. After an error, call it again with the same StateFolder to
// send only what is missing.
func (c *Client) Upload(ctx context.Context, source Source, options UploadOptions) (*Result, error) {
	own := *c
	u := &upload{Client: &own, source: source, given: options, begun: begun{Sums: map[int]Checksum{}}}
	u.before, own.upload = u.facts(), u
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
		Metadata: options.Metadata, Path: options.Path,
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
	u.choose(u.policy.Checksums)
	p := u.newPart(0, 0, u.source.Size)
	u.parts = []*part{p}
	err := u.persist(ctx, func() error {
		err := u.send(ctx, p)
		if err == nil && p.result == nil {
			err = u.confirm(ctx, p)
		}
		return u.again(err)
	})
	return p.result, err
}

// confirm confirms a file that was sent with one PUT.
func (u *upload) confirm(ctx context.Context, p *part) error {
	err := u.compare(ctx)
	if err == nil {
		p.result, err = u.Confirm(ctx, p.receipt)
	}
	return err
}

// again sends again what the store has not got: something else, such as a captive portal, has answered.
func (u *upload) again(err error) error {
	if in(err).Code == CodeUploadIncomplete && u.resends < mostResends {
		u.resends++
		in(err).mayPass = always
	}
	return err
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
