package valetkey

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// backend is a service and its store, of which each part fails as a test says.
type backend struct {
	*httptest.Server
	mu        sync.Mutex
	requests  []string
	tokens    []string
	puts      []*http.Request
	bodies    [][]byte
	multi     bool
	completed string
	// before is asked first; true if it has answered.
	before func(w http.ResponseWriter, r *http.Request) bool
	parts  map[string][]byte
}

func newBackend(t *testing.T) *backend {
	b := &backend{parts: map[string][]byte{}}
	b.Server = httptest.NewServer(http.HandlerFunc(b.serve))
	t.Cleanup(b.Close)
	return b
}

func (b *backend) serve(w http.ResponseWriter, r *http.Request) {
	_, name, _ := strings.Cut(r.URL.Path, "/files/")
	b.mu.Lock()
	b.requests = append(b.requests, r.Method+" "+name)
	if r.Method != http.MethodPut {
		b.tokens = append(b.tokens, r.Header.Get("Authorization"))
	}
	before := b.before
	b.mu.Unlock()
	if before != nil && before(w, r) {
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var asked map[string]any
	_ = json.Unmarshal(body, &asked)
	answer := func(value any) { _ = json.NewEncoder(w).Encode(value) }
	done := map[string]any{"key": "orgs/acme/files/2026/11/a.png", "receipt": "receipt",
		"get_url": b.URL + "/store", "file_url": b.URL + "/api/v1/orgs/acme/files/2026/11/a.png"}
	switch {
	case r.Method == http.MethodPut:
		b.puts, b.bodies = append(b.puts, r), append(b.bodies, body)
		b.parts[r.URL.Query().Get("part")] = body
	case name == "policies":
		policy := map[string]any{"name": "files", "put_lifetime": 900, "checksums": []string{"sha256"}}
		if b.multi {
			policy["multipart"] = map[string]any{"checksums": []string{"crc32c"}}
		}
		answer(map[string]any{"policies": []any{policy}})
	case name == "presign":
		answer(map[string]any{"put_url": b.URL + "/store", "receipt": "receipt", "put_headers": map[string]string{
			"Content-Type": "image/png", "x-amz-Odd-case": "1",
		}})
	case name == "batch":
		var uploads []any
		for range asked["files"].([]any) {
			uploads = append(uploads, map[string]any{"put_url": b.URL + "/store", "receipt": "receipt"})
		}
		answer(map[string]any{"uploads": uploads})
	case r.Method == http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
	case name == "multipart":
		answer(map[string]any{"upload": "upload", "part_size": 5 << 20})
	case name == "multipart/parts" && r.Method == http.MethodGet:
		var parts []any
		for number := range b.parts {
			n, _ := strconv.Atoi(number)
			parts = append(parts, map[string]any{"part_number": n, "size": 1, "etag": "etag"})
		}
		answer(map[string]any{"parts": parts})
	case name == "multipart/parts":
		var parts []any
		for _, number := range asked["part_numbers"].([]any) {
			url := fmt.Sprintf("%s/store?part=%v", b.URL, number)
			parts = append(parts, map[string]any{"part_number": number, "url": url})
		}
		answer(map[string]any{"parts": parts})
	case name == "confirm/batch":
		var uploads []any
		for range asked["receipts"].([]any) {
			uploads = append(uploads, map[string]any{"file": done})
		}
		answer(map[string]any{"uploads": uploads})
	case name == "confirm" && b.parts[""] == nil:
		w.WriteHeader(http.StatusConflict)
		fmt.Fprintf(w, problem, "UPLOAD_INCOMPLETE", "")
	default:
		b.completed = string(body)
		answer(done)
	}
}

// count returns how many requests there were of a kind.
func (b *backend) count(request string) (count int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, each := range b.requests {
		if each == request {
			count++
		}
	}
	return count
}

// fails lets the first requests of a kind be answered by f.
func (b *backend) fails(times int, request string, f func(w http.ResponseWriter)) {
	var mu sync.Mutex
	b.mu.Lock()
	defer b.mu.Unlock()
	b.before = func(w http.ResponseWriter, r *http.Request) bool {
		_, name, _ := strings.Cut(r.URL.Path, "/files/")
		mu.Lock()
		isOver := times == 0
		if r.Method+" "+name != request || isOver {
			mu.Unlock()
			return false
		}
		times--
		mu.Unlock()
		_, _ = io.Copy(io.Discard, r.Body)
		f(w)
		return true
	}
}

func (b *backend) client(t *testing.T, options Options) *Client {
	options.BaseURL, options.Organization = b.URL, "acme"
	client, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func source(content []byte) Source {
	return Source{Name: "a.png", Size: int64(len(content)), Reader: bytes.NewReader(content)}
}

func status(status int, header, body string) func(w http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		if name, value, isHeader := strings.Cut(header, ": "); isHeader {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func cut(w http.ResponseWriter) { panic(http.ErrAbortHandler) }

const problem = `{"title":"A title","detail":"Do this.","code":%q,"state":%q}`

func codeOf(t *testing.T, err error) *Error {
	t.Helper()
	var failed *Error
	if !errors.As(err, &failed) {
		t.Fatalf("%v is no *Error", err)
	}
	return failed
}

func TestUploadSendsExactlyWhatWasGranted(t *testing.T) {
	b := newBackend(t)
	var progress []Progress
	client := b.client(t, Options{Token: StaticToken("secret")})
	result, err := client.Upload(context.Background(), source([]byte("hello")), UploadOptions{
		Progress: func(p Progress) { progress = append(progress, p) },
	})
	if err != nil || result.Receipt != "receipt" {
		t.Fatal(result, err)
	}
	put := b.puts[0]
	if put.ContentLength != 5 || len(put.TransferEncoding) > 0 || put.Header.Get("X-Amz-Odd-Case") != "1" {
		t.Error("the PUT differs from the grant", put)
	}
	if put.Header.Get("Authorization") != "" {
		t.Error("the store has got the token")
	}
	for _, token := range b.tokens {
		if token != "Bearer secret" {
			t.Error("the service has not got the token")
		}
	}
	if last := progress[len(progress)-1]; last.Sent != 5 || last.Total != 5 {
		t.Error("not all is sent", progress)
	}
}

func TestFailuresThatAnotherAttemptMendsAreTriedAgain(t *testing.T) {
	for name, each := range map[string]struct {
		request string
		answer  func(w http.ResponseWriter)
		// How many are answered so, and how many there are in all.
		times, count int
	}{
		"no answer of the service":       {"POST presign", cut, 2, 3},
		"a service that is busy":         {"POST presign", status(503, "", fmt.Sprintf(problem, "OVERLOADED", "")), 2, 3},
		"a gateway that restarts":        {"POST presign", status(502, "", "<html>"), 2, 3},
		"a rate":                         {"POST confirm", status(429, "Retry-After: 0", fmt.Sprintf(problem, "RATE_LIMITED", "")), 2, 3},
		"no answer of the store":         {"PUT ", cut, 2, 3},
		"a store that is busy":           {"PUT ", status(503, "", "<Code>SlowDown</Code>"), 2, 3},
		"a body that did not arrive":     {"PUT ", status(400, "", "<Code>IncompleteBody</Code>"), 2, 3},
		"a redirect of the store":        {"PUT ", status(302, "Location: http://127.0.0.1:1/", ""), 2, 3},
		"a file that is there":           {"PUT ", status(412, "", ""), 1, 2},
		"a blob that is there":           {"PUT ", status(403, "", "<Code>UnauthorizedBlobOverwrite</Code>"), 1, 2},
		"a captive portal":               {"PUT ", status(200, "", "<html>"), 2, 3},
		"a portal before the service":    {"GET policies", status(200, "", "<html>"), 2, 3},
		"a redirect of the service":      {"POST presign", status(302, "Location: http://127.0.0.1:1/", ""), 2, 3},
		"an URL that has expired":        {"PUT ", status(403, "", "<Code>AccessDenied</Code>"), 1, 2},
		"an URL of GCS that has expired": {"PUT ", status(400, "", "<Code>ExpiredToken</Code>"), 1, 2},
		"a file that is copied":          {"POST confirm", status(202, "Retry-After: 0", fmt.Sprintf(problem, "UPLOAD_PENDING", "copying")), 2, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBackend(t)
			b.fails(each.times, each.request, each.answer)
			_, err := b.client(t, Options{}).Upload(context.Background(), source([]byte("hello")), UploadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if count := b.count(each.request); count != each.count {
				t.Error(count, "times")
			}
		})
	}
}

func TestFailuresThatNothingMendsEndTheUploadAtOnce(t *testing.T) {
	for name, each := range map[string]struct {
		request, code string
		answer        func(w http.ResponseWriter)
		count         int
	}{
		"a refusal":                {"POST presign", "FILE_TOO_LARGE", status(413, "", fmt.Sprintf(problem, "FILE_TOO_LARGE", "")), 1},
		"a quota":                  {"POST presign", "QUOTA_EXCEEDED", status(429, "Retry-After: 1", fmt.Sprintf(problem, "QUOTA_EXCEEDED", "")), 1},
		"a full storage":           {"POST presign", "STORAGE_FULL", status(507, "", fmt.Sprintf(problem, "STORAGE_FULL", "")), 1},
		"something else there":     {"GET policies", CodeInvalidAnswer, status(200, "", "{}"), 1},
		"a mismatch":               {"POST confirm", "UPLOAD_MISMATCH", status(409, "", fmt.Sprintf(problem, "UPLOAD_MISMATCH", "")), 1},
		"a refusal of the store":   {"PUT ", CodeStoreRefused, status(400, "", "<Code>InvalidRequest</Code>"), 1},
		"a fresh URL that is none": {"PUT ", CodeStoreRefused, status(403, "", "<Code>SignatureDoesNotMatch</Code>"), 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBackend(t)
			b.fails(99, each.request, each.answer)
			_, err := b.client(t, Options{}).Upload(context.Background(), source([]byte("hello")), UploadOptions{})
			failed := codeOf(t, err)
			if failed.Code != each.code || b.count(each.request) != each.count {
				t.Error(failed, b.count(each.request))
			}
			if failed.Title == "" || failed.Detail == "" {
				t.Error("it does not say what to do", failed)
			}
		})
	}
}

func TestAURLThatTheStoreRefusesIsReplacedByAFreshOne(t *testing.T) {
	for _, refusal := range []func(w http.ResponseWriter){
		status(403, "", "<Code>AccessDenied</Code>"), status(400, "", "<Code>ExpiredToken</Code>"),
	} {
		b := newBackend(t)
		b.fails(1, "PUT ", refusal)
		_, err := b.client(t, Options{}).Upload(context.Background(), source([]byte("hello")), UploadOptions{})
		if grants := b.count("POST presign"); err != nil || grants != 2 {
			t.Error(grants, err)
		}
	}
}

func TestARefusedTokenIsReplacedOnce(t *testing.T) {
	b := newBackend(t)
	b.before = func(w http.ResponseWriter, r *http.Request) bool {
		isOld := r.Header.Get("Authorization") == "Bearer old"
		if isOld {
			status(401, "", fmt.Sprintf(problem, "UNAUTHENTICATED", ""))(w)
		}
		return isOld
	}
	token := "old"
	client := b.client(t, Options{Token: func(_ context.Context, isRefused bool) (string, error) {
		if isRefused {
			token = "new"
		}
		return token, nil
	}})
	if _, err := client.Policies(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(b.tokens, ","); got != "Bearer old,Bearer new" {
		t.Error(got)
	}
	stale := b.client(t, Options{Token: StaticToken("old")})
	if _, err := stale.Policies(context.Background()); codeOf(t, err).Code != "UNAUTHENTICATED" {
		t.Error(err)
	}
}

func TestATokenThatCannotBeHadOrSentIsNamed(t *testing.T) {
	b := newBackend(t)
	for _, token := range []func(context.Context, bool) (string, error){
		StaticToken(""), StaticToken("two\nlines"),
		func(context.Context, bool) (string, error) { return "", errors.New("no key") },
	} {
		_, err := b.client(t, Options{Token: token}).Policies(context.Background())
		if codeOf(t, err).Code != CodeNoToken {
			t.Error(err)
		}
	}
	if len(b.requests) > 0 {
		t.Error(b.requests)
	}
}

func TestAnErrorOfTheStoreHasNoSignedURL(t *testing.T) {
	b := newBackend(t)
	b.fails(99, "PUT ", cut)
	_, err := b.client(t, Options{RetryFor: -1}).Upload(context.Background(), source([]byte("hello")), UploadOptions{})
	if failed := codeOf(t, err); failed.Code != CodeStoreOffline || strings.Contains(err.Error(), "/store") {
		t.Error(err)
	}
}

func TestAFileThatStaysPendingIsWaitedForNoLongerThanAllowed(t *testing.T) {
	b := newBackend(t)
	b.fails(99, "POST confirm", status(202, "Retry-After: 1", fmt.Sprintf(problem, "UPLOAD_PENDING", "scanning")))
	_, err := b.client(t, Options{RetryFor: -1}).Confirm(context.Background(), "receipt")
	if failed := codeOf(t, err); failed.Code != "UPLOAD_PENDING" || failed.RetryAfter != time.Second {
		t.Error(err)
	}
}

func TestAnAnswerWithoutEndIsNotRead(t *testing.T) {
	b := newBackend(t)
	b.fails(99, "GET policies", status(200, "", strings.Repeat(" ", 9<<20)+`{"policies":[]}`))
	if _, err := b.client(t, Options{RetryFor: -1}).Policies(context.Background()); codeOf(t, err).Code != CodeInvalidAnswer {
		t.Error(err)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	elsewhere := newBackend(t)
	redirect := status(302, "Location: "+elsewhere.URL, "")
	for _, request := range []string{"GET policies", "POST presign", "PUT "} {
		b := newBackend(t)
		b.fails(99, request, redirect)
		client := b.client(t, Options{Token: StaticToken("secret"), RetryFor: -1, HTTPClient: &http.Client{}})
		if _, err := client.Upload(context.Background(), source([]byte("hello")), UploadOptions{}); err == nil {
			t.Error("a redirect was taken for an answer of", request)
		}
	}
	if len(elsewhere.requests) > 0 {
		t.Error(elsewhere.requests)
	}
}

func TestPartsOfAQuickLineGoSeveralAtATime(t *testing.T) {
	b := newBackend(t)
	b.multi = true
	var others sync.WaitGroup
	others.Add(2)
	var puts atomic.Int64
	b.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut && puts.Add(1) > 2 {
			// After two that were quick, neither is answered before both have come.
			others.Done()
			others.Wait()
		}
		return false
	}
	client := b.client(t, Options{Concurrency: 2})
	if _, err := client.Upload(context.Background(), source(make([]byte, 16<<20)), UploadOptions{}); err != nil {
		t.Fatal(err)
	}
}

func TestACancelledUploadEndsAtOnceAndRemovesItsParts(t *testing.T) {
	b := newBackend(t)
	b.multi = true
	ctx, cancel := context.WithCancel(context.Background())
	b.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut {
			cancel()
			_, _ = io.Copy(io.Discard, r.Body)
		}
		return r.Method == http.MethodPut
	}
	_, err := b.client(t, Options{}).Upload(ctx, source(make([]byte, 11<<20)), UploadOptions{})
	if codeOf(t, err).Code != CodeAborted || !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if b.count("DELETE multipart") != 1 {
		t.Error(b.requests)
	}
}

func TestPartsArriveAsTheyAreAndAreContinued(t *testing.T) {
	b := newBackend(t)
	b.multi = true
	content := make([]byte, 33<<20)
	for index := range content {
		content[index] = byte(index / 1000)
	}
	folder := t.TempDir()
	file := source(content)
	file.Modified = time.Unix(1, 0)
	upload := func(file Source) error {
		_, err := b.client(t, Options{RetryFor: -1}).Upload(context.Background(), file, UploadOptions{StateFolder: folder})
		return err
	}
	left := 3
	b.before = func(w http.ResponseWriter, r *http.Request) bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		if r.Method == http.MethodPut {
			if left--; left < 0 {
				cut(w)
			}
		}
		return false
	}
	if err := upload(file); codeOf(t, err).Code != CodeStoreOffline {
		t.Fatal(err)
	}
	b.mu.Lock()
	arrived := len(b.bodies)
	b.before, b.requests = nil, nil
	b.mu.Unlock()
	if err := upload(file); err != nil {
		t.Fatal(err)
	}
	if puts := b.count("PUT "); arrived != 3 || puts != 7-3 || b.count("POST multipart") != 0 {
		t.Error(arrived, puts, b.requests)
	}
	var whole []byte
	for number := 1; number <= 7; number++ {
		whole = append(whole, b.parts[fmt.Sprint(number)]...)
	}
	if !bytes.Equal(whole, content) || !strings.Contains(b.completed, `{"part_number":7,"etag":"etag"}`) {
		t.Error("it did not arrive as it is", b.completed)
	}
}

func TestAnUploadThatIsOverBeginsAnew(t *testing.T) {
	b := newBackend(t)
	b.multi = true
	file := source(make([]byte, 6<<20))
	file.Modified = time.Unix(1, 0)
	options := UploadOptions{StateFolder: t.TempDir()}
	b.fails(99, "POST multipart/complete", status(500, "", fmt.Sprintf(problem, "INTERNAL", "")))
	client := b.client(t, Options{RetryFor: -1})
	if _, err := client.Upload(context.Background(), file, options); codeOf(t, err).Code != "INTERNAL" {
		t.Fatal(err)
	}
	b.fails(1, "POST multipart/complete", status(400, "", fmt.Sprintf(problem, "INVALID_UPLOAD", "")))
	if _, err := client.Upload(context.Background(), file, options); err != nil {
		t.Fatal(err)
	}
	if starts := b.count("POST multipart"); starts != 2 {
		t.Error(starts)
	}
}

func TestAnotherRequestForTheSameFileBeginsAnew(t *testing.T) {
	b := newBackend(t)
	b.multi = true
	file := source(make([]byte, 6<<20))
	file.Modified = time.Unix(1, 0)
	folder := t.TempDir()
	b.fails(99, "POST multipart/complete", status(500, "", fmt.Sprintf(problem, "INTERNAL", "")))
	for _, options := range []UploadOptions{
		{}, {ContentType: "image/gif"}, {Metadata: map[string]string{"a": "b"}}, {Filename: "b.png"},
	} {
		options.StateFolder = folder
		_, _ = b.client(t, Options{RetryFor: -1}).Upload(context.Background(), file, options)
	}
	if starts := b.count("POST multipart"); starts != 4 {
		t.Error(starts)
	}
}

func TestPartsOfAnotherStateOfTheFileAreNotContinued(t *testing.T) {
	b := newBackend(t)
	b.multi = true
	content := make([]byte, 6<<20)
	file := source(content)
	file.Modified = time.Unix(1, 0)
	options := UploadOptions{StateFolder: t.TempDir()}
	client := b.client(t, Options{RetryFor: -1})
	b.fails(1, "POST multipart/complete", status(500, "", fmt.Sprintf(problem, "INTERNAL", "")))
	if _, err := client.Upload(context.Background(), file, options); codeOf(t, err).Code != "INTERNAL" {
		t.Fatal(err)
	}
	content[0]++
	if _, err := client.Upload(context.Background(), file, options); err != nil || b.parts["1"][0] != 1 {
		t.Error("a mixture is stored", err)
	}
	if b.count("POST multipart") != 2 || b.count("DELETE multipart") != 1 {
		t.Error(b.requests)
	}
}

// cancelling is a file during whose first reading the context ends.
type cancelling struct {
	cancel context.CancelFunc
	reads  int
}

func (c *cancelling) ReadAt(p []byte, _ int64) (int, error) {
	c.cancel()
	c.reads += len(p)
	return len(p), nil
}

func TestACancelledUploadIsNotReadOnBeforeItIsContinued(t *testing.T) {
	b := newBackend(t)
	b.multi = true
	file := source(make([]byte, 33<<20))
	file.Modified = time.Unix(1, 0)
	options := UploadOptions{StateFolder: t.TempDir()}
	client := b.client(t, Options{RetryFor: -1})
	b.fails(1, "POST multipart/complete", status(500, "", fmt.Sprintf(problem, "INTERNAL", "")))
	if _, err := client.Upload(context.Background(), file, options); codeOf(t, err).Code != "INTERNAL" {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	reader := &cancelling{cancel: cancel}
	file.Reader = reader
	if _, err := client.Upload(ctx, file, options); codeOf(t, err).Code != CodeAborted || reader.reads > 6<<20 {
		t.Error(err, reader.reads)
	}
}

func TestAFileThatChangesMeanwhileIsNotCompleted(t *testing.T) {
	for _, isMulti := range []bool{false, true} {
		b := newBackend(t)
		b.multi = isMulti
		content := make([]byte, 11<<20)
		path := filepath.Join(t.TempDir(), "a.png")
		modified := time.Now()
		write := func() {
			_ = os.WriteFile(path, content, 0o600)
			_ = os.Chtimes(path, modified, modified)
		}
		write()
		b.before = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPut {
				_, _ = io.Copy(io.Discard, r.Body)
				b.mu.Lock()
				content[0]++
				write()
				b.mu.Unlock()
				w.Header().Set("ETag", "etag")
			}
			return r.Method == http.MethodPut
		}
		_, err := b.client(t, Options{}).UploadFile(context.Background(), path, UploadOptions{StateFolder: t.TempDir()})
		if codeOf(t, err).Code != CodeFileChanged || b.completed != "" || b.count("POST confirm") > 0 {
			t.Error(err, b.completed)
		}
		if isMulti && b.count("DELETE multipart") != 1 {
			t.Error("its parts are left")
		}
	}
}

func TestAnswersThatNobodyCanUseAreSeen(t *testing.T) {
	for _, url := range []string{"", "x", "file:///etc/passwd", "http://", "http://\x00", "ftp://127.0.0.1/"} {
		grant := Grant{PutURL: url, Receipt: "receipt"}
		result := Result{Key: "key", Receipt: "receipt", GetURL: "http://127.0.0.1", FileURL: url}
		if grant.isUsable() || result.isUsable() {
			t.Error(url)
		}
	}
	for name, isUsable := range map[string]bool{"a": true, "a\nb": false, "": false, "é": false, "a b": false} {
		signed := target{URL: "http://127.0.0.1", Headers: map[string]string{name: "a, b; c"}}
		if signed.isUsable() != isUsable {
			t.Errorf("%q", name)
		}
	}
	if (target{URL: "http://127.0.0.1", Headers: map[string]string{"a": "b\r\nc: d"}}).isUsable() {
		t.Error("a header on two lines was taken")
	}
}

func TestAReaderIsUploadedAndAFileIsRead(t *testing.T) {
	b := newBackend(t)
	client := b.client(t, Options{})
	result, err := client.UploadReader(context.Background(), "a.txt", io.MultiReader(strings.NewReader("hello "), strings.NewReader("world")), UploadOptions{})
	if err != nil || string(b.bodies[0]) != "hello world" {
		t.Fatal(b.bodies, err)
	}
	b.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/store" {
			if r.Header.Get("Authorization") != "" {
				t.Error("the store has got the token")
			}
			_, _ = w.Write(b.bodies[0])
		} else {
			http.Redirect(w, r, b.URL+"/store", http.StatusFound)
		}
		return true
	}
	content, err := client.Open(context.Background(), result.Key)
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	if text, err := io.ReadAll(content); string(text) != "hello world" || err != nil {
		t.Error(string(text), err)
	}
}

func TestAFolderThatCannotBeWrittenEndsTheUploadBeforeAnythingIsSent(t *testing.T) {
	b := newBackend(t)
	b.multi = true
	file := source(make([]byte, 6<<20))
	file.Modified = time.Unix(1, 0)
	_, err := b.client(t, Options{}).Upload(context.Background(), file, UploadOptions{StateFolder: "/dev/null/x"})
	if codeOf(t, err).Code != CodeStateFailed || b.count("PUT ") != 0 {
		t.Error(err)
	}
}

func TestAFileThatIsCutShortIsNamed(t *testing.T) {
	b := newBackend(t)
	short := source([]byte("hello"))
	short.Size = 10
	_, err := b.client(t, Options{}).Upload(context.Background(), short, UploadOptions{})
	if codeOf(t, err).Code != CodeFileChanged {
		t.Error(err)
	}
	for _, path := range []string{t.TempDir(), "/nowhere"} {
		_, err := b.client(t, Options{}).UploadFile(context.Background(), path, UploadOptions{})
		if codeOf(t, err).Code != CodeInvalidFile {
			t.Error(err)
		}
	}
	if len(b.bodies) > 0 {
		t.Error("something was sent")
	}
}

// vanishing can be read once.
type vanishing struct {
	*bytes.Reader
	reads atomic.Int64
}

func (v *vanishing) ReadAt(p []byte, at int64) (int, error) {
	if v.reads.Add(1) > 1 {
		return 0, errors.New("gone")
	}
	return v.Reader.ReadAt(p, at)
}

func TestAFileThatVanishesWhileItIsSentIsNamed(t *testing.T) {
	b := newBackend(t)
	file := source([]byte("hello"))
	file.Reader = &vanishing{Reader: bytes.NewReader([]byte("hello"))}
	_, err := b.client(t, Options{}).Upload(context.Background(), file, UploadOptions{})
	if failed := codeOf(t, err); failed.Code != CodeFileChanged || failed.Err.Error() != "gone" {
		t.Error(err)
	}
}

func TestAListIsAskedForPageAfterPage(t *testing.T) {
	b := newBackend(t)
	b.before = func(w http.ResponseWriter, r *http.Request) bool {
		query := r.URL.Query()
		page := map[string]any{"files": []any{map[string]any{"key": query.Get("after") + query.Get("prefix") + query.Get("mine") + query.Get("details")}}}
		if query.Get("after") != "2" {
			page["next"] = map[string]string{"": "1", "1": "2"}[query.Get("after")]
		}
		_ = json.NewEncoder(w).Encode(page)
		return true
	}
	var keys []string
	for file, err := range b.client(t, Options{}).List(context.Background(), ListOptions{"2026", true, true}) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, file.Key)
	}
	if got := strings.Join(keys, ","); got != "2026truetrue,12026truetrue,22026truetrue" {
		t.Error(got)
	}
	for range b.client(t, Options{}).List(context.Background(), ListOptions{}) {
		break
	}
	if len(b.requests) != 4 {
		t.Error("pages were asked for that nobody wanted", b.requests)
	}
}

func TestUsageIsBesideTheFiles(t *testing.T) {
	b := newBackend(t)
	var asked []string
	b.before = func(w http.ResponseWriter, r *http.Request) bool {
		asked = append(asked, r.URL.String())
		_, _ = io.WriteString(w, `{"files":3,"bytes":15,"granted":5,"open":1,"limit":100,"known":true}`)
		return true
	}
	got, err := b.client(t, Options{}).Usage(context.Background(), true)
	if err != nil || got.Files != 3 || got.Bytes != 15 || *got.Limit != 100 || !got.Known {
		t.Error(got, err)
	}
	if strings.Join(asked, ",") != "/api/v1/orgs/acme/usage?mine=true" {
		t.Error(asked)
	}
}

func TestAPathThatLeadsElsewhereIsNoFile(t *testing.T) {
	client := newBackend(t).client(t, Options{})
	for _, file := range []string{
		"", "a.png", "../a.png", "orgs/acme/files/../a.png", "orgs/acme/files/2026/11/a", "orgs/acme/files/2026/11/a.png?x=1",
		"http://127.0.0.1/api/v1/orgs/acme/files/2026/../../a.png", "http://127.0.0.1/other/2026/11/a.png",
	} {
		if err := client.Remove(context.Background(), file); codeOf(t, err).Code != CodeInvalidFile {
			t.Error(file, err)
		}
	}
}

func TestChecksumsAreThoseOfTheirAlgorithms(t *testing.T) {
	u := &upload{source: source([]byte("123456789"))}
	expected := sha256.Sum256([]byte("123456789"))
	for _, each := range []struct {
		algorithm, value string
		offered          []string
		isVerified       bool
	}{
		{"sha256", base64.StdEncoding.EncodeToString(expected[:]), []string{"md5", "sha256"}, true},
		// CRC-32C of RFC 9260's family: 0xE3069283 for these digits.
		{"crc32c", "4waSgw==", []string{"md5", "crc32c"}, true},
		{"md5", "JfnnlDI7RTiF9RgfG2JNCw==", []string{"md5"}, true},
		{"crc32c", "4waSgw==", nil, false},
	} {
		u.choose(each.offered)
		sum, err := u.checksum(u.newPart(0, 0, 9).content)
		if err != nil || sum != (Checksum{each.algorithm, each.value}) || u.isVerified != each.isVerified {
			t.Error(sum, u.isVerified, err)
		}
	}
}

func TestEachPartHasAByteAndAllHaveTheFile(t *testing.T) {
	for _, each := range []struct {
		size, partSize int64
		count          int
	}{
		{1, 5, 1}, {5, 5, 1}, {6, 5, 2}, {10, 5, 2}, {11, 5, 3}, {10_000, 1, 10_000},
		{10_001, 1, 0}, {10, 0, 0}, {10, -5, 0}, {10, math.MaxInt64, 1}, {math.MaxInt64, math.MaxInt64, 1},
	} {
		if count := partCount(each.size, each.partSize); count != each.count {
			t.Error(each, count)
		}
	}
}

func TestOptionsThatCannotBeUsedAreRefused(t *testing.T) {
	for _, options := range []Options{
		{}, {BaseURL: "http://127.0.0.1"}, {BaseURL: "uploads.example.com", Organization: "acme"},
		{BaseURL: "file:///etc", Organization: "acme"}, {BaseURL: "http://127.0.0.1", Organization: "a", Concurrency: -1},
	} {
		if _, err := New(options); err == nil {
			t.Error(options)
		}
	}
}
