package valetkey

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// FileRequest is what Presign asks for.
type FileRequest struct {
	Filename    string            `json:"filename"`
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

// grants are those that goroutines ask for at the same time.
type grants struct {
	turn    chan struct{} // held while some are asked for
	mu      sync.Mutex
	waiting []*granting
}

type granting struct {
	FileRequest
	Strict bool `json:"strict"` // binds all that the store can enforce
	grant  Grant
	taken  chan struct{} // closed once it is granted, or is to be asked for alone
}

// Presign asks for an upload URL that somebody else uses. Upload does so by itself. What goroutines ask
// for while one request is under way goes together with the next.
func (c *Client) Presign(ctx context.Context, file FileRequest) (Grant, error) {
	own := &granting{FileRequest: file, Strict: true, taken: make(chan struct{})}
	grants := &c.known.grants
	grants.mu.Lock()
	grants.waiting = append(grants.waiting, own)
	grants.mu.Unlock()
	err := c.persist(ctx, func() error {
		select {
		case <-own.taken:
		case <-ctx.Done():
			return ctx.Err()
		case grants.turn <- struct{}{}:
			defer func() { <-grants.turn }()
			c.presignWaiting(ctx, own)
		}
		if own.grant.isUsable() {
			return nil
		}
		return c.once(ctx, http.MethodPost, "/presign", own, &own.grant, own.grant.isUsable)
	})
	return own.grant, err
}

func (g *grants) take() []*granting {
	g.mu.Lock()
	defer g.mu.Unlock()
	count := min(len(g.waiting), mostGrants)
	taken := g.waiting[:count]
	g.waiting = g.waiting[count:]
	return taken
}

// presignWaiting asks for grants until its own was among them. All files of a request are granted, or
// none is.
func (c *Client) presignWaiting(ctx context.Context, own *granting) {
	for {
		select {
		case <-own.taken:
			return
		default:
		}
		files := c.known.grants.take()
		var answer struct{ Uploads []Grant }
		isAll := func() bool { return len(answer.Uploads) == len(files) }
		body := map[string]any{"files": files}
		isGranted := len(files) > 1 && c.once(ctx, http.MethodPost, "/batch", body, &answer, isAll) == nil
		for index, file := range files {
			if isGranted {
				file.grant = answer.Uploads[index]
			}
			close(file.taken)
		}
	}
}
