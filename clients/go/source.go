package valetkey

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"hash/crc32"
	"io"
	"os"
	"slices"
	"time"
)

// Source is what is uploaded. It is read as often as it has to be sent, at several places at once,
// and must not change meanwhile. A bytes.Reader and a strings.Reader have Size and are a Reader.
type Source struct {
	Name   string
	Size   int64
	Reader io.ReaderAt
	// Modified is the time of the last change. An upload without it is never continued: another file
	// of the same name and size could be taken for this one.
	Modified time.Time
}

// Checksum of a file, in base64.
type Checksum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"value"`
}

func (u *upload) newPart(number int, offset, size int64) *part {
	return &part{number: number, content: io.NewSectionReader(u.source.Reader, offset, size)}
}

// choose chooses an algorithm for checksums, which are sent if the store verifies it.
func (u *upload) choose(verified []string) {
	u.algorithm = "crc32c"
	for _, algorithm := range []string{"sha256", "crc32c", "md5"} {
		if u.isVerified = slices.Contains(verified, algorithm); u.isVerified {
			u.algorithm = algorithm
			return
		}
	}
}

// checksum reads what is sent with one PUT.
func (u *upload) checksum(content *io.SectionReader) (Checksum, error) {
	sum := hash.Hash(crc32.New(crc32.MakeTable(crc32.Castagnoli)))
	switch u.algorithm {
	case "sha256":
		sum = sha256.New()
	case "md5":
		sum = md5.New()
	}
	n, err := io.Copy(sum, io.NewSectionReader(content, 0, content.Size()))
	if err != nil || n < content.Size() || u.facts() != u.before {
		return Checksum{}, u.changed(err)
	}
	return Checksum{u.algorithm, base64.StdEncoding.EncodeToString(sum.Sum(nil))}, nil
}

// compare fails if the source is not what was sent of it: a change may keep size and time.
func (u *upload) compare(ctx context.Context) error {
	for _, p := range u.parts {
		if ctx.Err() != nil {
			return aborted(ctx)
		}
		if sum, err := u.checksum(p.content); err != nil {
			return err
		} else if sum != p.sum {
			return u.changed(nil)
		}
	}
	return nil
}

// facts of a file change with it; other sources have none.
type facts struct{ size, modified int64 }

func (u *upload) facts() (now facts) {
	if file, isFile := u.source.Reader.(interface{ Stat() (os.FileInfo, error) }); isFile {
		if info, err := file.Stat(); err == nil {
			now.size, now.modified = info.Size(), info.ModTime().UnixNano()
		}
	}
	return now
}

func (u *upload) changed(err error) *Error {
	return newError(CodeFileChanged, u.source.Name+" cannot be read as it was",
		"It was changed, moved or removed after the upload began. Upload it again.", err)
}
