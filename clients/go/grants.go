package valetkey

import (
	"context"
	"net/http"
	"time"
)

// FileRequest is what Presign asks for.
type FileRequest struct {
	Filename    string            `json:"filename"`
	Path        string            `json:"path,omitempty"` // in its folder, such as "holidays/a.png"
	ContentType string            `json:"content_type"`
	Size        int64             `json:"size"`
	Policy      string            `json:"policy,omitempty"`
	Metadata    map[string]string `json:"metadata,omitempty"`
	Checksum    *Checksum         `json:"checksum,omitempty"`
}

// Grant is a signed PUT: to be sent with exactly PutHeaders, and a Content-Length.
type Grant struct {
	PutURL       string            `json:"put_url"`
	PutHeaders   map[string]string `json:"put_headers"`
	PutExpiresAt time.Time         `json:"put_expires_at"`
	Key          string            `json:"key"`
	Receipt      string            `json:"receipt"` // for Confirm, once the file was sent
}

func (g *Grant) isUsable() bool {
	return g.Receipt != "" && target{URL: g.PutURL, Headers: g.PutHeaders}.isUsable()
}

// mostGrants is the most files that are asked for with one request.
const mostGrants = 50

type granting struct {
	FileRequest
	Strict bool `json:"strict"` // binds all that the store can enforce
	grant  Grant
	asked  chan error // has the failure of a request for several; nil without a grant: to be asked for alone
}

// Presign asks for an upload URL that somebody else uses. Upload does so by itself. What goroutines ask
// for while one request is under way goes together with the next.
func (c *Client) Presign(ctx context.Context, file FileRequest) (Grant, error) {
	own := &granting{FileRequest: file, Strict: true, asked: make(chan error, 1)}
	alone := func() error { return c.once(ctx, http.MethodPost, "/presign", own, &own.grant, own.grant.isUsable) }
	err := c.persist(ctx, func() error {
		err := c.known.grants.join(ctx, own, mostGrants, func(files []*granting) {
			if len(files) == 1 {
				own.asked <- alone()
			} else {
				c.presignTogether(ctx, files)
			}
		})
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-own.asked:
			if err != nil || own.grant.isUsable() {
				return err
			}
		}
		return alone()
	})
	if err != nil {
		return Grant{}, err
	}
	return own.grant, nil
}

// presignTogether asks for the grants of several files: all are granted or none is.
func (c *Client) presignTogether(ctx context.Context, files []*granting) {
	var answer struct{ Uploads []Grant }
	isAll := func() bool { return len(answer.Uploads) == len(files) }
	err := c.once(ctx, http.MethodPost, "/batch", map[string]any{"files": files}, &answer, isAll)
	for index, file := range files {
		// There may be a place for one where there is none for all: each is asked for alone.
		isTooMany := in(err).Code == CodeTooManyOpenUploads
		if failed := *in(err); failed.mayPass > 0 && !isTooMany && ctx.Err() == nil {
			file.asked <- &failed
			continue
		}
		if err == nil {
			file.grant = answer.Uploads[index]
		}
		file.asked <- nil
	}
}
