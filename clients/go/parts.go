package valetkey

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// begun is the answer to the start of an upload in parts, and what is remembered of it.
type begun struct {
	Upload   string `json:"upload"`
	PartSize int64  `json:"part_size"`
}

// storedPart is a part that is in the store.
type storedPart struct {
	Number int    `json:"part_number"`
	ETag   string `json:"etag"`
}

// inParts uploads the file in parts, from where it was left.
func (u *upload) inParts(ctx context.Context) (*Result, error) {
	file := u.stateFile()
	text, _ := os.ReadFile(file)
	isResumed := json.Unmarshal(text, &u.begun) == nil && u.begun.PartSize > 0
	if !isResumed {
		if err := u.start(ctx, file); err != nil {
			return nil, err
		}
	}
	result, err := u.sendMissing(ctx)
	// It was completed, removed or is too old, or the store has lost parts: it begins anew.
	var failed *Error
	isOver := errors.As(err, &failed) && (failed.Code == "INVALID_UPLOAD" ||
		failed.StoreCode == "NoSuchUpload" || failed.Status == http.StatusConflict)
	isForgotten := (err == nil || isOver) && os.Remove(file) == nil
	if isResumed && isOver && isForgotten {
		u.show(-u.sent, failed)
		return u.inParts(ctx)
	}
	if err != nil && file == "" {
		// Nobody can continue it. Without a line its parts stay until the store removes them.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		body := map[string]string{"upload": u.begun.Upload}
		_, _, _ = u.exchange(ctx, http.MethodDelete, "/multipart", body, false)
	}
	return result, err
}

// start begins an upload in parts, and remembers it.
func (u *upload) start(ctx context.Context, file string) error {
	if err := u.ask(ctx, http.MethodPost, "/multipart", u.asked, &u.begun); err != nil {
		return err
	}
	if u.begun.PartSize <= 0 {
		return newError(CodeInvalidAnswer, "The parts have no size", "Update this client.", nil)
	}
	if file == "" {
		return nil
	}
	text, _ := json.Marshal(u.begun)
	err := os.MkdirAll(u.given.StateFolder, 0o700)
	if err == nil {
		err = os.WriteFile(file, text, 0o600)
	}
	if err != nil {
		return newError(CodeStateFailed, "The upload cannot be remembered", "Check StateFolder.", err)
	}
	return nil
}

// stored lists the parts that are in the store.
func (u *upload) stored(ctx context.Context) ([]storedPart, error) {
	var answer struct{ Parts []storedPart }
	path := "/multipart/parts?upload=" + url.QueryEscape(u.begun.Upload)
	err := u.ask(ctx, http.MethodGet, path, nil, &answer)
	return answer.Parts, err
}

// sendMissing sends the parts that are not in the store, and completes the upload.
func (u *upload) sendMissing(ctx context.Context) (*Result, error) {
	stored, err := u.stored(ctx)
	if err != nil {
		return nil, err
	}
	if err := u.sendOthers(ctx, stored); err != nil {
		return nil, err
	}
	// Not every store answers a part with its ETag.
	if stored, err = u.stored(ctx); err != nil {
		return nil, err
	}
	result := &Result{}
	body := map[string]any{"upload": u.begun.Upload, "parts": stored}
	err = u.ask(ctx, http.MethodPost, "/multipart/complete", body, result)
	return result, err
}

// sendOthers sends the parts that are not stored, several at a time.
func (u *upload) sendOthers(ctx context.Context, stored []storedPart) error {
	total := int((u.source.Size + u.begun.PartSize - 1) / u.begun.PartSize)
	queue, failures := make(chan *part, total), make(chan error, total)
	for number := 1; number <= total; number++ {
		offset := int64(number-1) * u.begun.PartSize
		size := min(u.begun.PartSize, u.source.Size-offset)
		p := &part{number: number, content: io.NewSectionReader(u.source.Reader, offset, size)}
		if slices.ContainsFunc(stored, func(s storedPart) bool { return s.Number == number }) {
			u.show(size, nil)
		} else {
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

// stateFile is where an upload of such a file, under its policy, is remembered; "" if it is not.
func (u *upload) stateFile() string {
	if u.given.StateFolder == "" || u.source.Modified.IsZero() {
		return ""
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %q %d %s %d", u.files, u.asked.Filename, u.asked.Size,
		u.asked.Policy, u.source.Modified.UnixNano()))
	return filepath.Join(u.given.StateFolder, hex.EncodeToString(sum[:])+".json")
}
