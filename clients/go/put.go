package valetkey

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"sync/atomic"
	"time"
)

const (
	// slowest is the fewest bytes in a second for which an answer is waited for: something on the way
	// may still forward them. Where none came for longer than lateAnswer, all of a body was sent in vain.
	slowest    = 32 << 10
	lateAnswer = 45 * time.Second
	mostInVain = 3
	// mostResends is how often what the store has answered, and has not got, is sent again.
	mostResends = 5
	// A line that breaks after so many bytes makes progress, until it broke so often in a row.
	progressBytes = 1 << 20
	mostBreaks    = 40
	// A URL that is refused within this time has not expired.
	expiryGrace = time.Minute
)

// part is a file, or a part of one, that is sent with one PUT.
type part struct {
	number     int // 0 for a whole file
	content    *io.SectionReader
	target     atomic.Pointer[target] // nil until it is signed
	receipt    string                 // of a whole file
	result     *Result                // of a whole file once it is confirmed
	etag       string                 // of a part in the store, if it is known
	mayBe      bool                   // all of it was sent, and the store did not answer
	inVain     int                    // how often
	wasRenewed bool

	sent, most       int64 // at once: now or last, and ever
	begunAt, takenAt time.Time
}

// target is a signed PUT.
type target struct {
	Number  int               `json:"part_number"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
	at      time.Time         // when it was asked for
}

var headerName = regexp.MustCompile(`^[\w-]+$`)

// isUsable returns true for a target that a request can be made of.
func (t target) isUsable() bool {
	for name, value := range t.Headers {
		if !headerName.MatchString(name) || !isLine(value) {
			return false
		}
	}
	return isURL(t.URL)
}

// send PUTs a part to the store until it is there.
func (u *upload) send(ctx context.Context, p *part) error {
	return u.persist(ctx, func() error {
		if p.mayBe {
			if isThere, err := u.find(ctx, p); isThere || err != nil {
				return err
			}
			p.mayBe = false
		}
		share, err := u.known.line.enter(ctx, p.content.Size())
		if err != nil {
			return err
		}
		if err = u.sign(ctx, p); err == nil {
			err = u.attempt(ctx, p)
		}
		u.known.line.leave(share, p, err)
		if err == nil {
			u.mu.Lock()
			defer u.mu.Unlock()
			u.breaks = 0
		}
		return err
	})
}

// find asks for a part that may have arrived.
func (u *upload) find(ctx context.Context, p *part) (bool, error) {
	if p.number == 0 {
		err := u.confirm(ctx, p)
		switch in(err).Code {
		case CodeUploadIncomplete, CodeUploadMismatch, CodeInvalidReceipt:
			return false, nil
		}
		return err == nil, err
	}
	stored, err := u.stored(ctx)
	return p.isIn(stored), err
}

// The store's codes for a body that did not arrive, and for one of another checksum.
var (
	brokenBody = regexp.MustCompile(`^(IncompleteBody|RequestTimeout)$`)
	otherBytes = regexp.MustCompile(`^(BadDigest|Md5Mismatch|XAmzContent\w+Mismatch)$`)
)

// attempt sends a part once.
func (u *upload) attempt(ctx context.Context, p *part) error {
	size := p.content.Size()
	answer, code, err := u.put(ctx, p)
	// What has no code may be from something on the way.
	p.mayBe = p.sent == size && code == ""
	if err == nil {
		// An attempt whose answer was lost had arrived.
		isThere := p.number == 0 && (answer.StatusCode == http.StatusPreconditionFailed || code == "UnauthorizedBlobOverwrite")
		if isThere || answer.StatusCode/100 == 2 {
			p.mayBe, p.etag = false, etagForm.FindString(answer.Header.Get("ETag"))
			return nil
		}
	}
	if n, cause := p.content.ReadAt(make([]byte, 1), size-1); n == 0 || otherBytes.MatchString(code) {
		return u.changed(cause)
	}
	failed := offline(err)
	if err == nil {
		failed = refused(answer, code)
	}
	if failed.Status == http.StatusForbidden || code == "ExpiredToken" {
		// The URL has expired, or will be refused again.
		if signed := p.target.Swap(nil); !p.wasRenewed || time.Since(signed.at) > expiryGrace {
			failed.mayPass = always
		}
		p.wasRenewed = true
		return failed
	}
	if failed.mayPass == 0 {
		return failed
	}
	if !p.takenAt.IsZero() && time.Since(p.takenAt) > lateAnswer {
		p.inVain++
		u.mu.Lock()
		if p.takenAt.After(u.progressAt) {
			u.progressAt = p.takenAt // what was before, such as an outage, is over
		}
		u.mu.Unlock()
		failed.unstable(p.inVain == mostInVain, "%d bytes were sent %d times, and no answer came within %.0f minutes",
			size, p.inVain, answerTime(size).Minutes())
	} else if (err != nil || brokenBody.MatchString(code)) && p.sent > progressBytes {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.progressAt = time.Now()
		if u.breaks++; u.breaks == mostBreaks {
			failed.unstable(true, "The connection broke %d times before %d bytes got through", mostBreaks, size)
		}
	}
	return failed
}

func offline(err error) *Error {
	return passing(newError(CodeStoreOffline, "The store does not answer",
		"Check that it can be reached from here, then try again.", err))
}

func refused(answer *http.Response, code string) *Error {
	failed := newError(CodeStoreRefused, fmt.Sprintf("The store answered %d %s", answer.StatusCode, code),
		"Try again, or tell the operator.", nil)
	failed.Status, failed.StoreCode, failed.RetryAfter = answer.StatusCode, code, retryAfter(answer.Header)
	if brokenBody.MatchString(code) || answer.StatusCode < 400 || isBusy(answer.StatusCode) {
		return passing(failed)
	}
	return failed
}

func (e *Error) unstable(isFinal bool, title string, facts ...any) {
	e.Code, e.Title, e.Detail = CodeUnstable, fmt.Sprintf(title, facts...), "Use a faster connection, then try again."
	if isFinal {
		e.mayPass = 0
	}
}

// answerTime is the longest time for an answer once all of a body has gone.
func answerTime(size int64) time.Duration { return timeout + time.Duration(size/slowest)*time.Second }

var (
	storeCode = regexp.MustCompile(`<Code>(\w{1,99})</Code>`)
	etagForm  = regexp.MustCompile(`^"?[!#-~]{1,255}"?$`) // as the service takes it
)

// put sends one PUT to the store, and returns its answer with the code in that. Once it has returned,
// nothing more of the source is counted.
func (u *upload) put(ctx context.Context, p *part) (answer *http.Response, code string, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	silence := time.AfterFunc(timeout, func() { cancel(os.ErrDeadlineExceeded) })
	defer func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		silence.Stop()
		if err != nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		cancel(nil)
	}()
	u.show(-p.sent, nil)
	p.sent, p.begunAt, p.takenAt = 0, time.Now(), time.Time{}
	size, signed := p.content.Size(), p.target.Load()
	taken := writer(func(bytes int) error {
		u.mu.Lock()
		defer u.mu.Unlock()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		silence.Reset(timeout)
		if p.sent += int64(bytes); p.sent > p.most {
			p.most, u.progressAt = p.sent, time.Now()
			u.known.movedAt.Store(u.progressAt)
		}
		if p.sent == size {
			p.takenAt = time.Now()
			silence.Reset(answerTime(size))
		}
		u.count(int64(bytes), nil)
		return nil
	})
	// An attempt that has ended may still read its own.
	content := io.TeeReader(io.NewSectionReader(p.content, 0, size), taken)
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, signed.URL, content)
	if err != nil {
		return nil, "", err
	}
	request.ContentLength = size
	for name, value := range signed.Headers {
		request.Header[name] = []string{value} // as it was answered, also its case
	}
	if size > 1<<20 {
		// A store that refuses says so before all is sent, and not by a connection that breaks.
		request.Header.Set("Expect", "100-continue")
	}
	if answer, err = u.http.Do(request); err != nil {
		return nil, "", err
	}
	code, err = codeIn(answer)
	return answer, code, err
}

// codeIn reads the answer of a store to its end, and returns the code of an error.
func codeIn(answer *http.Response) (string, error) {
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 16<<10))
	if found := storeCode.FindSubmatch(text); found != nil {
		return string(found[1]), err
	}
	return "", err
}

// writer is called with the number of bytes that were written.
type writer func(bytes int) error

func (w writer) Write(p []byte) (int, error) { return len(p), w(len(p)) }
