package valetkey

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// leastPart is that of most stores, in bytes. Larger files go in parts.
	leastPart = 5 << 20
	mostParts = 10_000
	// signedAhead is the most bytes of parts that are hashed, and asked for, with one request.
	signedAhead = 60 << 20
)

type storedPart struct {
	Number int    `json:"part_number"`
	ETag   string `json:"etag"`
}

// partCount is 0 if a file cannot have parts of such a size.
func partCount(size, partSize int64) int {
	if partSize <= 0 || (size-1)/partSize >= mostParts {
		return 0
	}
	return int((size-1)/partSize) + 1
}

// inParts uploads the file in parts, from where it was left.
func (u *upload) inParts(ctx context.Context) (result *Result, err error) {
	u.choose(u.policy.Multipart.Checksums)
	u.file = u.stateFile()
	request := identify(u.asked)
	text, _ := os.ReadFile(u.file)
	if json.Unmarshal(text, &u.begun) == nil && u.isBegun() && u.begun.Sums != nil {
		if u.begun.Request == request {
			if result, err = u.sendParts(ctx); !isOver(err) {
				return result, u.end(ctx, err)
			}
		}
		u.discard(ctx)
		u.show(-u.sent, err)
	}
	u.begun = begun{}
	if err = u.ask(ctx, http.MethodPost, "/multipart", u.asked, &u.begun, u.isBegun); err == nil {
		u.begun.Request, u.begun.Sums = request, map[int]Checksum{}
		result, err = u.sendParts(ctx)
	}
	return result, u.end(ctx, err)
}

// isOver returns true if an upload was completed, removed, is too old, or one of another file.
func isOver(err error) bool {
	return in(err).Code == CodeInvalidUpload || in(err).StoreCode == "NoSuchUpload"
}

// end forgets an upload unless somebody can continue it, and removes the parts of one that failed.
func (u *upload) end(ctx context.Context, err error) error {
	isLost := u.file == "" || in(err).Code == CodeFileChanged || in(err).Code == CodeStateFailed
	if err != nil && isLost {
		u.discard(ctx)
	}
	if err == nil || isLost || isOver(err) || u.begun.Upload == "" {
		os.Remove(u.file)
	}
	return err
}

// discard removes the parts that were sent. Without a line they stay until the store does.
func (u *upload) discard(ctx context.Context) {
	if u.begun.Upload != "" {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		_ = u.ask(ctx, http.MethodDelete, "/multipart", map[string]string{"upload": u.begun.Upload}, nil, nil)
	}
}

// stored lists the ETags of the parts that are in the store.
func (u *upload) stored(ctx context.Context) (map[int]string, error) {
	var answer struct{ Parts []storedPart }
	path := "/multipart/parts?upload=" + url.QueryEscape(u.begun.Upload)
	isOther := func(p storedPart) bool { return !etagForm.MatchString(p.ETag) }
	isUsable := func() bool { return !slices.ContainsFunc(answer.Parts, isOther) }
	err := u.ask(ctx, http.MethodGet, path, nil, &answer, isUsable)
	etags := map[int]string{}
	for _, each := range answer.Parts {
		etags[each.Number] = each.ETag
	}
	return etags, err
}

// sendParts sends the parts that are not in the store, and completes the upload.
func (u *upload) sendParts(ctx context.Context) (*Result, error) {
	u.parts = nil
	for offset := int64(0); offset < u.source.Size; offset += u.begun.PartSize {
		u.parts = append(u.parts, u.newPart(len(u.parts)+1, offset, min(u.begun.PartSize, u.source.Size-offset)))
	}
	if len(u.begun.Sums) > 0 {
		if err := u.resume(ctx); err != nil {
			return nil, err
		}
	}
	result := &Result{}
	return result, u.persist(ctx, func() error {
		if err := u.sendOthers(ctx); err != nil {
			return err
		}
		if slices.ContainsFunc(u.parts, func(p *part) bool { return p.etag == "" }) {
			if err := u.look(ctx); err != nil {
				return err
			}
		}
		if err := u.compare(ctx); err != nil {
			return err
		}
		var parts []storedPart
		for _, p := range u.parts {
			parts = append(parts, storedPart{p.number, p.etag})
		}
		body := map[string]any{"upload": u.begun.Upload, "parts": parts}
		err := u.ask(ctx, http.MethodPost, "/multipart/complete", body, result, result.isUsable)
		if in(err).Status == http.StatusConflict {
			// The store says what it has, unless the service has ended the upload.
			if failed := u.look(ctx); isOver(failed) {
				u.begun.Upload = ""
			} else if failed != nil {
				return failed
			}
		}
		return err
	})
}

// look takes the ETags of the parts that are in the store as they were sent, and lets others be sent
// again.
func (u *upload) look(ctx context.Context) error {
	stored, err := u.stored(ctx)
	if err != nil {
		return err
	}
	for _, p := range u.parts {
		if !p.isIn(stored) {
			err = newError(CodeUploadIncomplete, "The store has not got all parts that it was sent", "Try again.", nil)
		}
	}
	return u.again(err)
}

// isIn takes the ETag of a part that is in the store as it was sent. Some stores list it without quotes.
func (p *part) isIn(stored map[int]string) bool {
	etag := stored[p.number]
	if p.etag != "" && strings.Trim(p.etag, `"`) != strings.Trim(etag, `"`) {
		etag = ""
	}
	p.etag = etag
	return etag != ""
}

// sendOthers sends the parts that are not in the store, several at a time.
func (u *upload) sendOthers(ctx context.Context) error {
	queue, failures := make(chan *part, len(u.parts)), make(chan error, len(u.parts))
	for _, p := range u.parts {
		if p.etag == "" {
			queue <- p
		}
	}
	close(queue)
	var workers sync.WaitGroup
	for range u.options.Concurrency {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for p := range queue {
				if err := u.send(ctx, p); err != nil {
					failures <- err
					// Those under way may arrive, and no others begin.
					for range queue {
					}
				}
			}
		}()
	}
	workers.Wait()
	close(failures)
	return <-failures
}

// sign asks for a fresh URL of a part, and of those after it, which are hashed first.
func (u *upload) sign(ctx context.Context, p *part) error {
	isSigned := func() bool {
		signed := p.target.Load()
		return signed != nil && time.Since(signed.at) < time.Duration(cmp.Or(u.policy.PutLifetime, 900))*time.Second
	}
	if isSigned() {
		return nil
	}
	u.signing.Lock()
	defer u.signing.Unlock()
	if isSigned() {
		return nil
	}
	asked, now := []*part{p}, time.Now()
	for _, next := range u.parts[p.number:] {
		_, isHashed := u.begun.Sums[next.number]
		if p.number > 0 && !isHashed && int64(len(asked)+1)*u.begun.PartSize <= signedAhead {
			asked = append(asked, next)
		}
	}
	body := struct {
		Upload    string     `json:"upload"`
		Numbers   []int      `json:"part_numbers"`
		Checksums []Checksum `json:"checksums,omitempty"`
	}{Upload: u.begun.Upload}
	for _, each := range asked {
		sum, err := u.checksum(each.content)
		if err != nil {
			return err
		}
		if before, isHashed := u.begun.Sums[each.number]; isHashed && before != sum {
			return u.changed(nil)
		}
		u.begun.Sums[each.number] = sum
		body.Numbers = append(body.Numbers, each.number)
		if u.isVerified {
			body.Checksums = append(body.Checksums, sum)
		}
	}
	if p.number == 0 {
		if u.isVerified {
			u.asked.Checksum = &body.Checksums[0]
		}
		grant, err := u.Presign(ctx, u.asked)
		if err == nil {
			p.receipt = grant.Receipt
			p.target.Store(&target{0, grant.PutURL, grant.PutHeaders, now})
		}
		return err
	}
	var answer struct{ Parts []target }
	err := u.ask(ctx, http.MethodPost, "/multipart/parts", body, &answer, func() bool {
		return slices.EqualFunc(answer.Parts, body.Numbers, func(t target, number int) bool {
			return t.Number == number && t.isUsable()
		})
	})
	if err != nil {
		return err
	}
	if err := u.remember(); err != nil {
		return err
	}
	for index, each := range asked {
		answer.Parts[index].at = now
		each.target.Store(&answer.Parts[index])
	}
	return nil
}
