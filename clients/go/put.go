package valetkey

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"time"
)

const (
	quick       = 2 * time.Second // in which a line that is quick carries a body
	mostResends = 5
	// sendTimeout is the longest time without progress of a transfer: the system may have taken more
	// of it than a slow line carries in a minute.
	sendTimeout = 2 * time.Minute
	// A URL that is refused within this time did not expire.
	expiryGrace = time.Minute
	// A line that breaks after so many bytes is soon tried again.
	carried = 1 << 20
)

// part is a file, or a part of one, that is sent with one PUT.
type part struct {
	number       int // 0 for a whole file
	offset, size int64
	sum          Checksum
	sent, most   int64 // at once: now, and ever

	url      string
	headers  map[string]string
	receipt  string    // of a whole file
	signedAt time.Time // by a clock that goes on while the machine is asleep
}

func (p *part) signed(url string, headers map[string]string) {
	p.url, p.headers, p.signedAt = url, headers, time.Now().Round(0)
}

// sign asks for a fresh URL.
func (u *upload) sign(ctx context.Context, p *part) error {
	if p.number > 0 {
		return u.signParts(ctx, []*part{p})
	}
	grant, err := u.Presign(ctx, u.asked)
	p.signed(grant.PutURL, grant.PutHeaders)
	p.receipt = grant.Receipt
	return err
}

// inLane calls work for one body at a time, or for several on a line that is quick: a break costs
// little on a bad one.
func (u *upload) inLane(work func() error) error {
	u.mu.Lock()
	for u.busy > 0 && !u.isQuick {
		u.freed.Wait()
	}
	u.busy++
	u.mu.Unlock()
	began := time.Now()
	err := work()
	u.mu.Lock()
	defer u.mu.Unlock()
	u.busy--
	u.isQuick = err == nil && time.Since(began) < quick
	u.freed.Broadcast()
	return err
}

// send PUTs a part to the store until it is there; a 403 gets one fresh URL.
func (u *upload) send(ctx context.Context, p *part) (etag string, err error) {
	wasRenewed := false
	err = u.run.persist(ctx, func() (bool, error) {
		if time.Since(p.signedAt).Seconds() >= float64(cmp.Or(u.policy.PutLifetime, 900)) {
			if err := u.sign(ctx, p); err != nil {
				return false, err
			}
		}
		var answer *http.Response
		var code string
		err := u.inLane(func() (err error) {
			answer, code, err = u.put(ctx, p)
			return err
		})
		// An attempt whose answer was lost had arrived.
		isThere := p.number == 0 && err == nil &&
			(answer.StatusCode == http.StatusPreconditionFailed || code == "UnauthorizedBlobOverwrite")
		if isThere || (err == nil && answer.StatusCode/100 == 2) {
			etag = answer.Header.Get("ETag")
			return false, nil
		}
		u.show(-p.sent, nil)
		if err != nil {
			if n, failed := u.source.Reader.ReadAt(make([]byte, 1), p.offset+p.size-1); n == 0 {
				return false, u.changed(failed)
			}
			return p.sent > carried, &transient{newError(CodeStoreOffline, "The store does not answer",
				"Check that it can be reached from here, then try again.", err), 0}
		}
		failed := newError(CodeStoreRefused, fmt.Sprintf("The store answered %d %s", answer.StatusCode, code),
			"Try again, or tell the operator.", nil)
		failed.Status, failed.StoreCode, failed.RetryAfter = answer.StatusCode, code, retryAfter(answer.Header)
		isBroken := code == "IncompleteBody" || code == "RequestTimeout"
		if failed.Status < 400 || isBusy(failed.Status) || isBroken {
			return false, &transient{failed, 0}
		}
		// It has expired, or the store's clock is another.
		if failed.Status == http.StatusForbidden && (!wasRenewed || time.Since(p.signedAt) >= expiryGrace) {
			wasRenewed = true
			p.signedAt = time.Time{}
			return false, &transient{failed, -1}
		}
		return false, failed
	})
	return etag, err
}

var storeCode = regexp.MustCompile(`<Code>(\w{1,99})</Code>`)

// put sends one PUT to the store, and returns its answer with the code in that. Once it has returned,
// nothing more of the source is counted.
func (u *upload) put(ctx context.Context, p *part) (answer *http.Response, code string, err error) {
	ctx, cancel := context.WithCancel(ctx)
	silence := time.AfterFunc(sendTimeout, cancel)
	defer func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		silence.Stop()
		cancel()
	}()
	p.sent = 0
	taken := writer(func(bytes int) error {
		u.mu.Lock()
		defer u.mu.Unlock()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		silence.Reset(sendTimeout)
		u.sum += int64(bytes)
		if p.sent += int64(bytes); p.sent > p.most {
			p.most = p.sent
			u.run.look(true)
		}
		u.tell(nil)
		return nil
	})
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, p.url, io.TeeReader(u.section(p), taken))
	if err != nil {
		return nil, "", err
	}
	request.ContentLength = p.size
	for name, value := range p.headers {
		request.Header[name] = []string{value} // as it was answered, also its case
	}
	if p.size > carried {
		// A store that refuses says so before all is sent, and not by a connection that breaks.
		request.Header.Set("Expect", "100-continue")
	}
	answer, err = u.store.Do(request)
	if err != nil {
		return nil, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 16<<10))
	if found := storeCode.FindSubmatch(text); found != nil {
		code = string(found[1])
	}
	return answer, code, err
}

// writer is called with the number of bytes that were written.
type writer func(bytes int) error

func (w writer) Write(p []byte) (int, error) { return len(p), w(len(p)) }
