package valetkey

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// mostSigned is the most parts that are asked for with one request. Their URLs are used long before
// they expire.
const mostSigned = 12

// begun is the answer to the start of an upload in parts.
type begun struct {
	Upload   string `json:"upload"`
	PartSize int64  `json:"part_size"`
}

func (b *begun) isValid() bool { return b.Upload != "" && b.PartSize > 0 }

// state is what is remembered of an upload in parts.
type state struct {
	Begun begun            `json:"begun"`
	Sent  map[int]sentPart `json:"sent"`
}

// sentPart is a part that arrived, with the checksum of what was sent.
type sentPart struct {
	ETag     string `json:"etag"`
	Checksum string `json:"checksum"`
}

// inParts uploads the file in parts, from where it was left.
func (u *upload) inParts(ctx context.Context) (*Result, error) {
	var before state
	text, _ := os.ReadFile(u.stateFile())
	if json.Unmarshal(text, &before) == nil && before.Begun.isValid() {
		result, err := u.sendAll(ctx, before)
		var failed *Error
		isOver := errors.As(err, &failed) && (failed.Code == "INVALID_UPLOAD" ||
			failed.StoreCode == "NoSuchUpload" || failed.Status == http.StatusConflict)
		if !isOver {
			return result, err
		}
		// It was completed, removed or is too old, or the store has lost parts: it begins anew.
		u.show(-u.sum, failed)
	}
	before = state{Sent: map[int]sentPart{}}
	err := u.ask(ctx, http.MethodPost, "/multipart", u.asked, &before.Begun, before.Begun.isValid)
	if err != nil {
		return nil, err
	}
	result, err := u.sendAll(ctx, before)
	if err != nil && u.stateFile() == "" {
		// Nobody can continue it. Without a line its parts stay until the store removes them.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_, _ = u.exchange(ctx, http.MethodDelete, "/multipart", map[string]string{"upload": u.begun.Upload})
	}
	return result, err
}

// sendAll sends the parts that were not sent before, and completes the upload.
func (u *upload) sendAll(ctx context.Context, before state) (*Result, error) {
	u.begun, u.sent = before.Begun, map[int]sentPart{}
	algorithm := chooseAlgorithm(u.policy.Multipart.Checksums)
	u.verified = algorithm != ""
	total := int((u.source.Size + u.begun.PartSize - 1) / u.begun.PartSize)
	for number := 1; number <= total; {
		var missing []*part
		for ; number <= total && len(missing) < mostSigned; number++ {
			offset := int64(number-1) * u.begun.PartSize
			p := &part{number: number, offset: offset, size: min(u.begun.PartSize, u.source.Size-offset)}
			var err error
			if p.sum, err = u.checksum(ctx, p, cmp.Or(algorithm, "sha256")); err != nil {
				return nil, err
			}
			// A file can change under its name, size and date.
			if known, isKnown := before.Sent[number]; isKnown && known.Checksum == p.sum.Value {
				u.sent[number] = known
				u.show(p.size, nil)
			} else {
				missing = append(missing, p)
			}
		}
		if err := u.sendParts(ctx, missing); err != nil {
			return nil, err
		}
	}
	return u.complete(ctx, total)
}

// sendParts sends parts, several at a time.
func (u *upload) sendParts(ctx context.Context, parts []*part) error {
	// What cannot be remembered ends here. Later that costs no more than a part.
	if err := u.remember(); err != nil || len(parts) == 0 {
		return err
	}
	if err := u.signParts(ctx, parts); err != nil {
		return err
	}
	queue := make(chan *part, len(parts))
	for _, p := range parts {
		queue <- p
	}
	close(queue)
	var workers sync.WaitGroup
	var failed error // guarded by mu
	for range u.options.Concurrency {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for p := range queue {
				etag, err := u.send(ctx, p)
				u.mu.Lock()
				if err == nil {
					u.sent[p.number] = sentPart{etag, p.sum.Value}
					_ = u.remember()
				} else {
					// Those under way may arrive, and no others begin.
					failed = cmp.Or(failed, err)
					for range queue {
					}
				}
				u.mu.Unlock()
			}
		}()
	}
	workers.Wait()
	return failed
}

// signParts asks for URLs of parts.
func (u *upload) signParts(ctx context.Context, parts []*part) error {
	var numbers []int
	var sums []Checksum
	for _, p := range parts {
		numbers, sums = append(numbers, p.number), append(sums, p.sum)
	}
	asked := map[string]any{"upload": u.begun.Upload, "part_numbers": numbers}
	if u.verified {
		asked["checksums"] = sums
	}
	var answer struct {
		Parts []struct {
			Number  int `json:"part_number"`
			URL     string
			Headers map[string]string
		}
	}
	isValid := func() bool {
		for index, signed := range answer.Parts {
			if index >= len(parts) || signed.Number != parts[index].number || !isURL(signed.URL) {
				return false
			}
		}
		return len(answer.Parts) == len(parts)
	}
	if err := u.ask(ctx, http.MethodPost, "/multipart/parts", asked, &answer, isValid); err != nil {
		return err
	}
	for index, signed := range answer.Parts {
		parts[index].signed(signed.URL, signed.Headers)
	}
	return nil
}

// partList is of parts that are in the store.
type partList struct {
	Upload string      `json:"upload"`
	Parts  []namedPart `json:"parts"`
}

type namedPart struct {
	Number int    `json:"part_number"`
	ETag   string `json:"etag"`
}

// complete puts the parts together. Where the store answers no ETag, the service says it.
func (u *upload) complete(ctx context.Context, total int) (*Result, error) {
	asked, isHidden := partList{Upload: u.begun.Upload}, false
	for number := 1; number <= total; number++ {
		etag := u.sent[number].ETag
		asked.Parts, isHidden = append(asked.Parts, namedPart{number, etag}), isHidden || etag == ""
	}
	if isHidden {
		var stored partList
		path := "/multipart/parts?upload=" + url.QueryEscape(u.begun.Upload)
		if err := u.ask(ctx, http.MethodGet, path, nil, &stored, nil); err != nil {
			return nil, err
		}
		asked.Parts = stored.Parts
	}
	result := &Result{}
	err := u.ask(ctx, http.MethodPost, "/multipart/complete", asked, result, result.isValid)
	if err == nil {
		_ = os.Remove(u.stateFile())
	}
	return result, err
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

// remember writes which parts were sent; a process that ends meanwhile leaves the file as it was.
func (u *upload) remember() error {
	file := u.stateFile()
	if file == "" {
		return nil
	}
	text, _ := json.Marshal(state{u.begun, u.sent})
	err := os.MkdirAll(u.given.StateFolder, 0o700)
	if err == nil {
		err = os.WriteFile(file+".new", text, 0o600)
	}
	if err == nil {
		err = os.Rename(file+".new", file)
	}
	if err != nil {
		return newError(CodeStateFailed, "The upload cannot be remembered", "Check StateFolder.", err)
	}
	return nil
}

// Checksum of a file, in base64.
type Checksum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"value"`
}

// chooseAlgorithm returns that of the checksums which a store verifies, or "" for none.
func chooseAlgorithm(offered []string) string {
	for _, known := range []string{"sha256", "crc32c"} {
		if slices.Contains(offered, known) {
			return known
		}
	}
	return ""
}

func (u *upload) section(p *part) *io.SectionReader {
	return io.NewSectionReader(u.source.Reader, p.offset, p.size)
}

func (u *upload) changed(err error) *Error {
	return newError(CodeFileChanged, u.source.Name+" cannot be read as it was",
		"It was changed, moved or removed after the upload began. Upload it again.", err)
}

func (u *upload) checksum(ctx context.Context, p *part, algorithm string) (Checksum, error) {
	var sum hash.Hash = crc32.New(crc32.MakeTable(crc32.Castagnoli))
	if algorithm == "sha256" {
		sum = sha256.New()
	}
	if n, err := io.Copy(sum, u.section(p)); err != nil || n < p.size {
		return Checksum{}, u.changed(err)
	}
	if ctx.Err() != nil {
		return Checksum{}, aborted(ctx)
	}
	return Checksum{algorithm, base64.StdEncoding.EncodeToString(sum.Sum(nil))}, nil
}
