package valetkey

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
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

var hashes = map[string]func() hash.Hash{
	"sha256": sha256.New,
	"crc32c": func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) },
	"md5":    md5.New,
}

// choose chooses an algorithm for checksums, which are sent if the store verifies it.
func (u *upload) choose(verified []string) {
	for _, u.algorithm = range []string{"sha256", "crc32c", "md5"} {
		if u.isVerified = slices.Contains(verified, u.algorithm); u.isVerified {
			return
		}
	}
	u.algorithm = "crc32c"
}

// checksum reads what is sent with one PUT.
func (u *upload) checksum(content *io.SectionReader) (Checksum, error) {
	sum := hashes[u.algorithm]()
	n, err := io.Copy(sum, io.NewSectionReader(content, 0, content.Size()))
	if err != nil || n < content.Size() || u.facts() != u.before {
		return Checksum{}, u.changed(err)
	}
	return Checksum{u.algorithm, base64.StdEncoding.EncodeToString(sum.Sum(nil))}, nil
}

// compare fails if the source is not what was sent of it.
func (u *upload) compare(ctx context.Context) error {
	for _, p := range u.parts {
		if err := u.verify(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// verify fails if a part is not as it was hashed before: a change may keep size and time.
func (u *upload) verify(ctx context.Context, p *part) error {
	if ctx.Err() != nil {
		return aborted(ctx)
	}
	sum, err := u.checksum(p.content)
	if err == nil && sum != u.begun.Sums[p.number] {
		return u.changed(nil)
	}
	return err
}

// facts of a file change with it; other sources have none.
func (u *upload) facts() string {
	if file, isFile := u.source.Reader.(interface{ Stat() (os.FileInfo, error) }); isFile {
		if info, err := file.Stat(); err == nil {
			return fmt.Sprint(info.Size(), info.ModTime())
		}
	}
	return ""
}

func (u *upload) changed(err error) *Error {
	return newError(CodeFileChanged, u.source.Name+" cannot be read as it was",
		"It was changed, moved or removed after the upload began. Upload it again.", err)
}
