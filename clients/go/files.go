package valetkey

import (
	"cmp"
	"context"
	"io"
	"iter"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"time"
)

// Policy is what the caller may upload. Sizes are in bytes, lifetimes in seconds.
type Policy struct {
	Name            string            `json:"name"`
	MaxSize         int64             `json:"max_size"` // of a file with one PUT
	AllowedTypes    []string          `json:"allowed_types"`
	Extensions      map[string]string `json:"extensions"` // the types of ".png" and others
	PutLifetime     int64             `json:"put_lifetime"`
	LinkLifetime    int64             `json:"link_lifetime"` // 0 if there are no links
	RequireChecksum bool              `json:"require_checksum"`
	Checksums       []string          `json:"checksums"` // that the store verifies
	Multipart       *struct {         // nil if the store takes no files in parts
		MaxSize   int64    `json:"max_size"`
		Checksums []string `json:"checksums"`
	} `json:"multipart"`
}

// Policies lists what the caller may upload. An answer is kept for five minutes.
func (c *Client) Policies(ctx context.Context) ([]Policy, error) {
	if kept := c.known.policies.Load(); kept != nil && time.Since(kept.at) < 5*time.Minute {
		return slices.Clone(kept.Policies), nil
	}
	answer := &keptPolicies{at: time.Now()}
	err := c.ask(ctx, http.MethodGet, "/policies", nil, answer, func() bool { return answer.Policies != nil })
	if err == nil {
		c.known.policies.Store(answer)
	}
	return slices.Clone(answer.Policies), err
}

type keptPolicies struct {
	Policies []Policy
	at       time.Time
}

// File is a file as a list has it. FileURL opens it for members of the organization, PublicURL, if it
// is not "", for everybody.
type File struct {
	Key         string    `json:"key"`
	Filename    string    `json:"filename"` // with Details, where the service has stored it
	Path        string    `json:"path"`     // as Filename
	Size        int64     `json:"size"`
	ContentType string    `json:"content_type"`
	StoredAt    time.Time `json:"stored_at"`
	FileURL     string    `json:"file_url"`
	PublicURL   string    `json:"public_url"`
}

// ListOptions say which files to list, by default all.
type ListOptions struct {
	Prefix  string // a year or a month, such as 2026/11, or folders of a policy
	Mine    bool   // those in the caller's own folder, for which the scope mine suffices
	Details bool   // with the names of files, for which the service asks the store
}

// List lists files by their keys, page after page as they are asked for. It needs the scope list.
func (c *Client) List(ctx context.Context, options ListOptions) iter.Seq2[File, error] {
	return func(yield func(File, error) bool) {
		query := url.Values{}
		if options.Prefix != "" {
			query.Set("prefix", options.Prefix)
		}
		if options.Mine {
			query.Set("mine", "true")
		}
		if options.Details {
			query.Set("details", "true")
		}
		for isFirst := true; isFirst || query.Get("after") != ""; isFirst = false {
			var page struct {
				Files []File
				Next  string
			}
			isNext := func() bool { return page.Next == "" || page.Next != query.Get("after") }
			if err := c.ask(ctx, http.MethodGet, "?"+query.Encode(), nil, &page, isNext); err != nil {
				yield(File{}, err)
				return
			}
			for _, file := range page.Files {
				if !yield(file, nil) {
					return
				}
			}
			query.Set("after", page.Next)
		}
	}
}

// Usage is what an organization, or a person in it, has stored. Sizes are in bytes.
type Usage struct {
	Files   int64  `json:"files"`
	Bytes   int64  `json:"bytes"`
	Granted int64  `json:"granted"` // of uploads that may still be confirmed
	Open    int64  `json:"open"`    // uploads whose URLs have not ended
	Limit   *int64 `json:"limit"`   // nil without one
	Known   bool   `json:"known"`   // false until the store was counted: then there may be more
}

// Usage tells how much is stored, of all or, if isMine, in the caller's own folder. It needs the scope
// read.
func (c *Client) Usage(ctx context.Context, isMine bool) (Usage, error) {
	path := "../usage"
	if isMine {
		path += "?mine=true"
	}
	var answer struct {
		Usage
		Bytes *int64 `json:"bytes"`
	}
	err := c.ask(ctx, http.MethodGet, path, nil, &answer, func() bool { return answer.Bytes != nil })
	if err == nil {
		answer.Usage.Bytes = *answer.Bytes
	}
	return answer.Usage, err
}

// filePath finds the path of a file in its key or its file URL; no segment leads elsewhere.
var filePath = regexp.MustCompile(`(?:^orgs/[^/?]+/(?:files/)?|/api/v1/orgs/[^/?]+/files/)((?:[\w-]+/)+[\w-]+\.[\w-]+)$`)

func (c *Client) askFile(ctx context.Context, method, file, suffix string, answer any, isUsable func() bool) error {
	found := filePath.FindStringSubmatch(file)
	if found == nil {
		return newError(CodeInvalidFile, "This is no key and no file URL",
			"Give the Key or FileURL that the upload, a list or an event had.", nil)
	}
	return c.ask(ctx, method, "/"+found[1]+suffix, nil, answer, isUsable)
}

// Remove removes a file by its key or file URL; to remove it again is no error. It needs the scope
// remove.
func (c *Client) Remove(ctx context.Context, file string) error {
	return c.askFile(ctx, http.MethodDelete, file, "", nil, nil)
}

// State returns "ready" for a file that is there, by its key or file URL; "waiting" for an upload that
// has arrived, and is not confirmed; or "missing". It needs the scope read.
func (c *Client) State(ctx context.Context, file string) (string, error) {
	var answer struct{ State string }
	err := c.askFile(ctx, http.MethodGet, file, "/state", &answer, func() bool {
		return slices.Contains([]string{"ready", "waiting", "missing"}, answer.State)
	})
	return answer.State, err
}

// GetURL returns a URL at the store that shows the file of a key or file URL to everyone who has it,
// for as long as the policy says. It needs the scope read.
func (c *Client) GetURL(ctx context.Context, file string) (address string, err error) {
	err = c.askFile(ctx, http.MethodGet, file, "", &address, func() bool { return isURL(address) })
	return address, err
}

// Open reads a file by its key or file URL, for as long as ctx lasts. It needs the scope read.
func (c *Client) Open(ctx context.Context, file string) (content io.ReadCloser, err error) {
	err = c.persist(ctx, func() error {
		address, err := c.GetURL(ctx, file)
		if err != nil {
			return err
		}
		request, err := http.NewRequest(http.MethodGet, address, nil)
		if err != nil {
			return err
		}
		request.Header.Set("Accept-Encoding", "identity") // as it is stored
		ctx, cancel := context.WithCancelCause(ctx)
		silence := time.AfterFunc(timeout, func() { cancel(os.ErrDeadlineExceeded) })
		answer, err := c.http.Do(request.WithContext(ctx))
		if err == nil && answer.StatusCode == http.StatusOK && silence.Stop() {
			content = opened{answer.Body, cancel}
			return nil
		}
		defer cancel(nil)
		defer silence.Stop()
		var code string
		if err == nil {
			code, err = codeIn(answer)
		}
		if err != nil {
			return offline(cmp.Or(context.Cause(ctx), err))
		}
		return refused(answer, code)
	})
	return content, err
}

// opened is the content of a file.
type opened struct {
	io.ReadCloser
	cancel context.CancelCauseFunc
}

func (o opened) Close() error {
	o.cancel(nil)
	return o.ReadCloser.Close()
}

// Link returns an address that opens a confirmed file for everyone who has it, by the receipt of its
// upload, for as long as the policy allows if lifetime is 0. It needs the scope read.
func (c *Client) Link(ctx context.Context, receipt string, lifetime time.Duration) (string, error) {
	body := struct {
		Receipt   string `json:"receipt"`
		ExpiresIn int64  `json:"expires_in,omitempty"`
	}{receipt, int64(lifetime.Seconds())}
	var answer struct {
		URL string `json:"link_url"`
	}
	err := c.ask(ctx, http.MethodPost, "/links", body, &answer, func() bool { return isURL(answer.URL) })
	return answer.URL, err
}
