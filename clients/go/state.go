package valetkey

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
)

// begun is the answer to the start of an upload in parts, and what is remembered of it.
type begun struct {
	Upload   string           `json:"upload"`
	PartSize int64            `json:"part_size"`
	Request  string           `json:"request"`        // identifies all that was asked for
	Sums     map[int]Checksum `json:"sums,omitempty"` // of the parts that may have been sent
}

func (u *upload) isBegun() bool {
	return u.begun.Upload != "" && partCount(u.source.Size, u.begun.PartSize) > 0
}

// remember lets another process continue the upload.
func (u *upload) remember() error {
	if u.file == "" {
		return nil
	}
	text, _ := json.Marshal(u.begun)
	err := os.MkdirAll(u.given.StateFolder, 0o700)
	if err == nil {
		err = os.WriteFile(u.file, text, 0o600)
	}
	if err != nil {
		return newError(CodeStateFailed, "The upload cannot be remembered", "Check StateFolder.", err)
	}
	return nil
}

// stateFile is where an upload of the file, under its policy, is remembered; "" if it is not.
func (u *upload) stateFile() string {
	if u.given.StateFolder == "" || u.source.Modified.IsZero() {
		return ""
	}
	name := identify(u.files, u.asked.Filename, u.asked.Size, u.asked.Policy, u.source.Modified.UnixNano())
	return filepath.Join(u.given.StateFolder, name+".json")
}

func identify(facts ...any) string {
	text, _ := json.Marshal(facts)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// resume takes the parts that another process has sent of the same file.
func (u *upload) resume(ctx context.Context) error {
	stored, err := u.stored(ctx)
	for _, p := range u.parts {
		if err == nil && p.isIn(stored) {
			p.sent = p.content.Size()
			u.show(p.sent, nil)
			if err = u.verify(ctx, p); in(err).Code == CodeFileChanged {
				in(err).Code = CodeInvalidUpload // all of it is sent again
			}
		} else {
			delete(u.begun.Sums, p.number)
		}
	}
	return err
}
