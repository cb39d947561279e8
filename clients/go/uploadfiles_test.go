package valetkey

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func TestFoldersGoWithThePlacesOfTheirFiles(t *testing.T) {
	b := newBackend(t)
	folder := t.TempDir()
	album := filepath.Join(folder, "album")
	for _, name := range []string{"b.png", "2026/a.png", "2026/Thumbs.db"} {
		path := filepath.Join(album, name)
		if os.MkdirAll(filepath.Dir(path), 0o700) != nil || os.WriteFile(path, []byte("bytes"), 0o600) != nil {
			t.Fatal(path)
		}
	}
	if err := os.Symlink(folder, filepath.Join(album, "2026", "up")); err != nil {
		t.Fatal(err)
	}
	// A link that is named is followed.
	if err := os.Symlink(album, filepath.Join(folder, "linked")); err != nil {
		t.Fatal(err)
	}
	var asked []string
	b.before = func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/presign") || strings.HasSuffix(r.URL.Path, "/batch") {
			asked = append(asked, pathsIn(r)...)
		}
		return false
	}
	none := filepath.Join(folder, "none.png")
	var last Progress
	outcomes := b.client(t, Options{}).UploadFiles(context.Background(), []string{filepath.Join(folder, "linked"), none},
		UploadOptions{Progress: func(p Progress) { last = p }})
	var lines []string
	for _, each := range outcomes {
		name, _ := filepath.Rel(folder, each.Name)
		lines = append(lines, fmt.Sprint(name, " ", each.Result != nil, " ", in(each.Err).Code))
	}
	const expected = `linked/2026/a.png true 
linked/2026/up false INVALID_FILE
linked/b.png true 
none.png false INVALID_FILE`
	if got := strings.Join(lines, "\n"); got != expected {
		t.Error(got)
	}
	if last != (Progress{Sent: 10, Total: 10}) {
		t.Error(last)
	}
	if got := strings.Join(asked, " "); !strings.Contains(got, "linked/2026/a.png") || !strings.Contains(got, "linked/b.png") {
		t.Error(got)
	}
}

func TestSixteenSmallFilesGoAtOnce(t *testing.T) {
	b := newBackend(t)
	folder := t.TempDir()
	for number := range 40 {
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprint(number, ".png")), []byte("bytes"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var others sync.WaitGroup
	others.Add(16)
	var puts atomic.Int64
	b.before = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut && puts.Add(1) <= 16 {
			// None is answered before all have come.
			others.Done()
			others.Wait()
		}
		return false
	}
	for _, each := range b.client(t, Options{}).UploadFiles(context.Background(), []string{folder}, UploadOptions{}) {
		if each.Err != nil {
			t.Error(each.Err)
		}
	}
}

func TestAContextThatEndsEndsAllFiles(t *testing.T) {
	b := newBackend(t)
	folder := t.TempDir()
	for number := range 40 {
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprint(number, ".png")), []byte("bytes"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	b.before = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut {
			cancel()
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		}
		return r.Method == http.MethodPut
	}
	outcomes := b.client(t, Options{}).UploadFiles(ctx, []string{folder}, UploadOptions{})
	for _, each := range outcomes {
		if codeOf(t, each.Err).Code != CodeAborted {
			t.Error(each.Err)
		}
	}
	if len(outcomes) != 40 {
		t.Error(len(outcomes))
	}
}

func TestALineHasRoomForOnePartOrSixteenSmallFilesAtFirst(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	line := newLine(4)
	enter := func(size int64) <-chan error {
		entered := make(chan error, 1)
		go func() {
			_, err := line.enter(ctx, size)
			entered <- err
		}()
		return entered
	}
	for range 16 {
		if err := <-enter(1000); err != nil {
			t.Fatal(err)
		}
	}
	large := enter(leastPart)
	for isWaiting := false; !isWaiting; {
		line.mu.Lock()
		isWaiting = len(line.waiting) == 1
		line.mu.Unlock()
	}
	// It would fit once one has gone, and does not go before a large one that came first.
	small := enter(1000)
	line.mu.Lock()
	line.going -= smallest
	line.admit()
	line.mu.Unlock()
	select {
	case <-small:
		t.Error("it went first")
	case <-large:
		t.Error("there is no room")
	default:
	}
	cancel()
	if err := <-large; err != context.Canceled {
		t.Error(err)
	}
	<-small
	line.mu.Lock()
	defer line.mu.Unlock()
	if len(line.waiting) != 0 || line.going > 1 {
		t.Error(line.waiting, line.going)
	}
}

// pathsIn returns the places of the files that a request asks for, and lets it be read again.
func pathsIn(r *http.Request) (paths []string) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	var one struct {
		Path  string
		Files []struct{ Path string }
	}
	_ = json.Unmarshal(body, &one)
	for _, each := range append(one.Files, struct{ Path string }{one.Path}) {
		paths = append(paths, each.Path)
	}
	return paths
}
