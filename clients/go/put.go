package valetkey

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"net/http"
	"regexp"
	"slices"
	"time"
)

// Checksum of a file, in base64.
type Checksum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"value"`
}

// part is a file, or a part of one, that is sent with one PUT.
type part struct {
	number     int // 0 for a whole file
	content    *io.SectionReader
	sum        *Checksum // nil if the store verifies none
	sent, most int64     // at once: now, and ever

	url     string
	headers map[string]string
	receipt string // of a whole file
}

func (u *upload) changed(err error) *Error {
	return newError(CodeFileChanged, u.source.Name+" cannot be read as it was",
		"It was changed, moved or removed after the upload began. Upload it again.", err)
}

// checksum reads a part for a checksum that the store verifies.
func (u *upload) checksum(p *part) error {
	offered := u.policy.Checksums
	if p.number > 0 {
		offered = u.policy.Multipart.Checksums
	}
	algorithm, sum := "sha256", hash.Hash(sha256.New())
	if !slices.Contains(offered, algorithm) {
		algorithm, sum = "crc32c", crc32.New(crc32.MakeTable(crc32.Castagnoli))
	}
	if !slices.Contains(offered, algorithm) {
		return nil
	}
	if n, err := io.Copy(sum, p.content); err != nil || n < p.content.Size() {
		return u.changed(err)
	}
	p.sum = &Checksum{algorithm, base64.StdEncoding.EncodeToString(sum.Sum(nil))}
	return nil
}

// sign asks for a fresh URL.
func (u *upload) sign(ctx context.Context, p *part) error {
	if p.number == 0 {
		u.asked.Strict, u.asked.Checksum = true, p.sum
		grant, err := u.Presign(ctx, u.asked)
		p.url, p.headers, p.receipt = grant.PutURL, grant.PutHeaders, grant.Receipt
		return err
	}
	asked := map[string]any{"upload": u.begun.Upload, "part_numbers": []int{p.number}}
	if p.sum != nil {
		asked["checksums"] = []*Checksum{p.sum}
	}
	var answer struct {
		Parts []struct {
			URL     string
			Headers map[string]string
		}
	}
	err := u.ask(ctx, http.MethodPost, "/multipart/parts", asked, &answer)
	for _, signed := range answer.Parts {
		p.url, p.headers = signed.URL, signed.Headers
	}
	return err
}

// send PUTs a part to the store until it is there.
func (u *upload) send(ctx context.Context, p *part) error {
	if err := u.checksum(p); err != nil {
		return err
	}
	isRepeated, wasRefused := false, false
	return u.persist(ctx, func() error {
		if isRepeated {
			// On a bad line one at a time gets through, and a break costs little.
			u.lane.Lock()
			defer u.lane.Unlock()
		}
		isRepeated = true
		if p.url == "" {
			if err := u.sign(ctx, p); err != nil {
				return err
			}
		}
		answer, code, err := u.put(ctx, p)
		// An attempt whose answer was lost had arrived.
		isThere := p.number == 0 && err == nil &&
			(answer.StatusCode == http.StatusPreconditionFailed || code == "UnauthorizedBlobOverwrite")
		if isThere || (err == nil && answer.StatusCode/100 == 2) {
			return nil
		}
		u.show(-p.sent, nil)
		if err != nil {
			if n, failed := p.content.ReadAt(make([]byte, 1), p.content.Size()-1); n == 0 {
				return u.changed(failed)
			}
			return passing(newError(CodeStoreOffline, "The store does not answer",
				"Check that it can be reached from here, then try again.", err))
		}
		failed := newError(CodeStoreRefused, fmt.Sprintf("The store answered %s %s", answer.Status, code),
			"Try again, or tell the operator.", nil)
		failed.Status, failed.StoreCode, failed.RetryAfter = answer.StatusCode, code, retryAfter(answer.Header)
		// The URL has expired, or will be refused again.
		isRefused := failed.Status == http.StatusForbidden || code == "ExpiredToken"
		isBroken := failed.Status < 400 || code == "IncompleteBody" || code == "RequestTimeout"
		failed.mayPass = isBroken || isBusy(failed.Status) || (isRefused && !wasRefused)
		if wasRefused = isRefused; isRefused {
			p.url = ""
		}
		return failed
	})
}

var storeCode = regexp.MustCompile(`<Code>(\w{1,99})</Code>`)

// put sends one PUT to the store, and returns its answer with the code in that. Once it has returned,
// nothing more of the source is counted.
func (u *upload) put(ctx context.Context, p *part) (answer *http.Response, code string, err error) {
	ctx, cancel := context.WithCancel(ctx)
	silence := time.AfterFunc(timeout, cancel)
	defer func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		silence.Stop()
		cancel()
	}()
	p.sent = 0
	// An attempt that has ended may still read its own.
	content := io.NewSectionReader(p.content, 0, p.content.Size())
	taken := writer(func(bytes int) error {
		u.mu.Lock()
		defer u.mu.Unlock()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		silence.Reset(timeout)
		if p.sent += int64(bytes); p.sent > p.most {
			p.most, u.progressAt = p.sent, time.Now()
		}
		u.count(int64(bytes), nil)
		return nil
	})
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, p.url, io.TeeReader(content, taken))
	if err != nil {
		return nil, "", err
	}
	request.ContentLength = content.Size()
	for name, value := range p.headers {
		request.Header[name] = []string{value} // as it was answered, also its case
	}
	if request.ContentLength > 1<<20 {
		// A store that refuses says so before all is sent, and not by a connection that breaks.
		request.Header.Set("Expect", "100-continue")
	}
	answer, err = u.http.Do(request)
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
