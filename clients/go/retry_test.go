//go:build go1.25

package valetkey

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// persistFor tries what always fails, and returns for how long and how often.
func persistFor(budget time.Duration, work func(attempt int) error) (took time.Duration, attempts int, err error) {
	client, _ := New(Options{BaseURL: "http://127.0.0.1", Organization: "acme", RetryFor: budget})
	began := time.Now()
	err = client.persist(context.Background(), func() error {
		attempts++
		return work(attempts)
	})
	return time.Since(began), attempts, err
}

func busy(after time.Duration) *Error {
	return &Error{Code: "BUSY", RetryAfter: after, mayPass: always}
}

func TestFailuresAreTriedAgainWithJitterUntilTheTimeIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		took, attempts, err := persistFor(5*time.Minute, func(int) error { return busy(0) })
		if took != 5*time.Minute || attempts < 40 || attempts > 120 || codeOf(t, err).Code != "BUSY" {
			t.Error(took, attempts, err)
		}
	})
}

func TestAnAnswerOfSomethingElseIsWaitedOutForLessThanAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		took, attempts, err := persistFor(5*time.Minute, func(int) error { return &Error{Code: CodeInvalidAnswer, mayPass: outage} })
		if took != 45*time.Second || attempts < 8 || codeOf(t, err).Code != CodeInvalidAnswer {
			t.Error(took, attempts, err)
		}
	})
}

func TestATimeThatTheAnswerNamesIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 50 {
			took, attempts, err := persistFor(5*time.Minute, func(attempt int) error {
				if attempt == 3 {
					return nil
				}
				return busy(20 * time.Second)
			})
			if took < 40*time.Second || took > 41*time.Second || attempts != 3 || err != nil {
				t.Error(took, attempts, err)
			}
		}
		// A longer one is the caller's to wait for.
		took, attempts, err := persistFor(5*time.Minute, func(int) error { return busy(time.Hour) })
		if took != 0 || attempts != 1 || codeOf(t, err).RetryAfter != time.Hour {
			t.Error(took, attempts, err)
		}
	})
}

func TestBelowZeroNothingIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		took, attempts, err := persistFor(-1, func(int) error { return busy(0) })
		if took != 0 || attempts != 1 || err == nil {
			t.Error(took, attempts, err)
		}
	})
}

func TestAContextThatEndsEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := New(Options{BaseURL: "http://127.0.0.1", Organization: "acme"})
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		began := time.Now()
		err := client.persist(ctx, func() error { return busy(time.Minute) })
		if time.Since(began) != time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Error(time.Since(began), err)
		}
	})
}

func TestRetryAfterIsReadInBothForms(t *testing.T) {
	for value, expected := range map[string]time.Duration{
		"": 0, "0": 0, "2": 2 * time.Second, "soon": 0, "-1": 0, "1e400": 0, "NaN": 0,
		"99999999999": (1<<31 - 1) * time.Second, "Wed, 21 Oct 2015 07:28:00 GMT": 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {value}}); got != expected {
			t.Error(value, got)
		}
	}
	date := func(after time.Duration) []string {
		return []string{time.Now().Add(after).UTC().Format(http.TimeFormat)}
	}
	if got := retryAfter(http.Header{"Retry-After": date(time.Minute)}); got < 58*time.Second || got > time.Minute {
		t.Error(got)
	}
	// The clock of who answers is hours off.
	hours := http.Header{"Retry-After": date(3*time.Hour + time.Minute), "Date": date(3 * time.Hour)}
	if got := retryAfter(hours); got != time.Minute {
		t.Error(got)
	}
}

// line is a store that takes some bytes and then stands still, once.
type line struct{ stalled, taken int }

func (l *line) RoundTrip(request *http.Request) (*http.Response, error) {
	if l.stalled == 0 {
		l.stalled++
		_, _ = io.CopyN(io.Discard, request.Body, int64(l.taken))
		<-request.Context().Done()
		return nil, request.Context().Err()
	}
	_, _ = io.Copy(io.Discard, request.Body)
	return &http.Response{StatusCode: 200, Body: io.NopCloser(bytes.NewReader(nil))}, nil
}

func TestATransferThatStandsStillForTwoMinutesIsBegunAgain(t *testing.T) {
	for _, taken := range []int{0, 1000} {
		synctest.Test(t, func(t *testing.T) { standsStill(t, taken) })
	}
}

func standsStill(t *testing.T, taken int) {
	p, u := newPart(&http.Client{Transport: &line{taken: taken}}, Options{}, 1<<20)
	began := time.Now()
	err := u.send(context.Background(), p)
	took := time.Since(began)
	if err != nil || took < timeout || took > timeout+2*time.Second {
		t.Error(err, took)
	}
	if u.sent != 1<<20 {
		t.Error("what was sent in vain is counted", u.sent)
	}
}

// silent is a service, and a store that does not answer at first.
type silent struct{ asked int }

func (s *silent) RoundTrip(request *http.Request) (*http.Response, error) {
	answer := &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader("hello"))}
	if request.URL.Path != "/store" {
		answer.StatusCode, answer.Header = 302, http.Header{"Location": {"http://127.0.0.1/store"}}
	} else if s.asked++; s.asked == 1 {
		<-request.Context().Done()
		return nil, request.Context().Err()
	}
	return answer, nil
}

func TestAFileThatTheStoreDoesNotAnswerIsAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		options := Options{BaseURL: "http://127.0.0.1", Organization: "acme", HTTPClient: &http.Client{Transport: &silent{}}}
		client, _ := New(options)
		began := time.Now()
		content, err := client.Open(context.Background(), "orgs/acme/files/a/b.txt")
		if err != nil {
			t.Fatal(err)
		}
		defer content.Close()
		if text, _ := io.ReadAll(content); string(text) != "hello" || time.Since(began) > timeout+2*time.Second {
			t.Error(string(text), time.Since(began))
		}
	})
}

// swallowing is a store of which no answer comes.
type swallowing struct{ bodies int }

func (s *swallowing) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method == http.MethodPost { // confirm
		body := io.NopCloser(strings.NewReader(fmt.Sprintf(problem, "UPLOAD_INCOMPLETE", "")))
		return &http.Response{StatusCode: 409, Body: body}, nil
	}
	s.bodies++
	_, _ = io.Copy(io.Discard, request.Body)
	<-request.Context().Done()
	return nil, request.Context().Err()
}

func TestABodyWithoutAnAnswerIsSentThreeTimesAtMost(t *testing.T) {
	for retryFor, most := range map[time.Duration]int{time.Hour: 3, 4 * time.Minute: 2, -1: 1} {
		synctest.Test(t, func(t *testing.T) {
			store := &swallowing{}
			p, u := newPart(&http.Client{Transport: store}, Options{RetryFor: retryFor}, 5<<20)
			began := time.Now()
			failed := codeOf(t, u.send(context.Background(), p))
			// Two minutes, and a second for each 32 KiB.
			if wait := time.Since(began) / time.Duration(most); wait < 280*time.Second || wait > 290*time.Second {
				t.Error(wait)
			}
			if failed.Code != CodeUnstable || store.bodies != most {
				t.Error(failed, store.bodies)
			}
			if errors.Is(failed, context.Canceled) || !errors.Is(failed, os.ErrDeadlineExceeded) {
				t.Error("the caller has not cancelled it", failed.Err)
			}
		})
	}
}

// away is a line of which no answer comes, then no network, then no answer once more.
type away struct {
	swallowing
	until time.Time
}

func (a *away) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method == http.MethodPut && time.Now().Before(a.until) {
		return nil, io.ErrUnexpectedEOF
	}
	if request.Method == http.MethodPut && a.bodies == 2 {
		_, _ = io.Copy(io.Discard, request.Body)
		return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
	}
	answer, err := a.swallowing.RoundTrip(request)
	if err != nil && a.bodies == 1 {
		a.until = time.Now().Add(200 * time.Second)
	}
	return answer, err
}

func TestAnOutageDoesNotShortenTheWaitForAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, u := newPart(&http.Client{Transport: &away{}}, Options{RetryFor: 6 * time.Minute}, 5<<20)
		if err := u.send(context.Background(), p); err != nil {
			t.Error(err)
		}
	})
}

// breaking is a line that breaks after a part of each body.
type breaking struct{ bodies int }

func (b *breaking) RoundTrip(request *http.Request) (*http.Response, error) {
	b.bodies++
	_, _ = io.CopyN(io.Discard, request.Body, 2<<20)
	return nil, io.ErrUnexpectedEOF
}

func TestALineThatBreaksFortyTimesIsUnstable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := &breaking{}
		p, u := newPart(&http.Client{Transport: line}, Options{RetryFor: 15 * time.Second}, 5<<20)
		if failed := codeOf(t, u.send(context.Background(), p)); failed.Code != CodeUnstable || line.bodies != 40 {
			t.Error(failed, line.bodies)
		}
	})
}

// newPart makes an upload of one PUT that is granted.
func newPart(http *http.Client, options Options, size int) (*part, *upload) {
	options.BaseURL, options.Organization, options.HTTPClient = "http://127.0.0.1", "acme", http
	client, _ := New(options)
	u := &upload{Client: client, source: source(make([]byte, size))}
	client.upload = u
	p := u.newPart(0, 0, int64(size))
	p.target.Store(&target{URL: "http://127.0.0.1/store", at: time.Now()})
	u.policy.PutLifetime = 86400
	return p, u
}

func TestAnUploadThatGetsFurtherIsTriedForLongerThanAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := New(Options{BaseURL: "http://127.0.0.1", Organization: "acme", RetryFor: time.Minute})
		client.upload = &upload{Client: client}
		began, attempts := time.Now(), 0
		err := client.persist(context.Background(), func() error {
			if attempts++; attempts < 1000 {
				client.upload.progressAt = time.Now()
			}
			return busy(0)
		})
		if took := time.Since(began); took < 5*time.Minute || attempts < 1000 || codeOf(t, err).Code != "BUSY" {
			t.Error(took, attempts, err)
		}
	})
}

// signing is a service whose first grant takes a second, and that is busy at so many calls for several.
type signing struct {
	calls map[string]int
	busy  int
}

func (s *signing) RoundTrip(request *http.Request) (*http.Response, error) {
	var asked struct{ Files []any }
	_ = json.NewDecoder(request.Body).Decode(&asked)
	_, name, _ := strings.Cut(request.URL.Path, "/files/")
	if s.calls[name]++; len(s.calls) == 1 || s.busy > 0 {
		time.Sleep(time.Second)
	}
	if name == "batch" && s.calls[name] <= s.busy {
		return &http.Response{StatusCode: 503, Body: io.NopCloser(strings.NewReader(""))}, nil
	}
	grant := `{"put_url":"http://127.0.0.1/store","receipt":"receipt"}`
	if name == "batch" {
		grant = fmt.Sprintf(`{"uploads":[%s]}`, grant+strings.Repeat(","+grant, len(asked.Files)-1))
	}
	return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(grant))}, nil
}

func TestGoroutinesAskTogether(t *testing.T) {
	// Of a service that is busy too.
	for _, busy := range []int{0, 2} {
		synctest.Test(t, func(t *testing.T) { askTogether(t, busy) })
	}
}

func askTogether(t *testing.T, busy int) {
	service := &signing{map[string]int{}, busy}
	client, _ := New(Options{BaseURL: "http://127.0.0.1", Organization: "acme", HTTPClient: &http.Client{Transport: service}})
	var group sync.WaitGroup
	for range 101 {
		group.Add(1)
		go func() {
			defer group.Done()
			if grant, err := client.Presign(context.Background(), FileRequest{}); err != nil || grant.Receipt == "" {
				t.Error(grant, err)
			}
		}()
	}
	group.Wait()
	isExact := service.calls["presign"] == 1 && service.calls["batch"] == 2
	// After a pause with jitter, the first may come alone.
	if !isExact && (busy == 0 || service.calls["presign"] > 10 || service.calls["batch"] > 10) {
		t.Error(service.calls)
	}
}

// confirmer takes a second for each request; receipts are refused by their names, or pending once.
type confirmer struct {
	mu      sync.Mutex
	calls   []int // the receipts of each request
	pending map[string]bool
	isDown  bool // for several
}

func (c *confirmer) RoundTrip(request *http.Request) (*http.Response, error) {
	var asked struct {
		Receipt  string
		Receipts []string
	}
	_ = json.NewDecoder(request.Body).Decode(&asked)
	time.Sleep(time.Second)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, max(len(asked.Receipts), 1))
	outcome := func(receipt string) (status int, text string) {
		if strings.HasPrefix(receipt, "refused") {
			return 409, `{"status":409,"code":"UPLOAD_MISMATCH","title":"No","detail":"Why","differences":[]}`
		} else if isKnown := c.pending[receipt]; strings.HasPrefix(receipt, "pending") && !isKnown {
			c.pending[receipt] = true
			return 202, `{"status":202,"code":"UPLOAD_PENDING","title":"Not yet","detail":"Wait"}`
		}
		return 200, fmt.Sprintf(`{"key":%q,"get_url":"http://127.0.0.1/a","file_url":"http://127.0.0.1/b"}`, receipt)
	}
	status, text := 200, ""
	if asked.Receipts == nil {
		status, text = outcome(asked.Receipt)
	} else if c.isDown {
		status = 503
		c.isDown = false
	} else {
		var all []string
		for _, receipt := range asked.Receipts {
			member := "problem"
			status, text := outcome(receipt)
			if status == 200 {
				member = "file"
			}
			all = append(all, fmt.Sprintf(`{%q:%s,"retry_after":2}`, member, text))
		}
		text = `{"uploads":[` + strings.Join(all, ",") + `]}`
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(text))}, nil
}

func TestGoroutinesConfirmTogether(t *testing.T) {
	for _, isDown := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			service := &confirmer{pending: map[string]bool{}, isDown: isDown}
			client, _ := New(Options{BaseURL: "http://127.0.0.1", Organization: "acme", HTTPClient: &http.Client{Transport: service}})
			var group sync.WaitGroup
			for number := range 100 {
				group.Go(func() {
					receipt := fmt.Sprintf("%s%d", []string{"good", "refused", "pending", "good"}[number%4], number)
					result, err := client.Confirm(context.Background(), receipt)
					if number%4 == 1 {
						if failed := codeOf(t, err); failed.Code != CodeUploadMismatch || failed.Status != 409 || !strings.Contains(string(failed.Problem), "differences") {
							t.Error(failed)
						}
					} else if err != nil || result.Key != receipt || result.Receipt != receipt {
						t.Error(receipt, result, err)
					}
				})
			}
			group.Wait()
			if first := service.calls[:confirmRequests]; !isDown && (slices.Max(first) != 1 || len(service.calls) > 40) {
				t.Error(service.calls)
			}
		})
	}
}

func TestOneThatGivesUpConfirmingLeavesTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service := &confirmer{pending: map[string]bool{}}
		client, _ := New(Options{BaseURL: "http://127.0.0.1", Organization: "acme", HTTPClient: &http.Client{Transport: service}})
		var group sync.WaitGroup
		for number := range 20 {
			group.Go(func() {
				ctx := context.Background()
				if number%2 == 0 {
					var stop context.CancelFunc
					ctx, stop = context.WithTimeout(ctx, 1500*time.Millisecond)
					defer stop()
				}
				if result, err := client.Confirm(ctx, "good"); number%2 == 1 && (err != nil || result.Key != "good") {
					t.Error(err)
				} else if err != nil && codeOf(t, err).Code != CodeAborted {
					t.Error(err)
				}
			})
		}
		group.Wait()
	})
}

// crowded is a service that has room for a few grants. With other codes than that of open uploads,
// the room is used up for good.
type crowded struct {
	code       string
	mu         sync.Mutex
	room, most int
}

func (c *crowded) RoundTrip(request *http.Request) (*http.Response, error) {
	var asked struct{ Files []any }
	_ = json.NewDecoder(request.Body).Decode(&asked)
	count := max(len(asked.Files), 1)
	grant := `{"put_url":"http://127.0.0.1/store","receipt":"receipt"}`
	if asked.Files != nil {
		grant = fmt.Sprintf(`{"uploads":[%s]}`, grant+strings.Repeat(","+grant, count-1))
	}
	time.Sleep(100 * time.Millisecond)
	c.mu.Lock()
	defer c.mu.Unlock()
	answer := &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(grant))}
	if c.room < count {
		answer.StatusCode, answer.Body = 429, io.NopCloser(strings.NewReader(fmt.Sprintf(problem, c.code, "")))
		if count <= c.most {
			answer.Header.Set("Retry-After", "840")
		}
		return answer, nil
	}
	c.room -= count
	return answer, nil
}

// end lets an upload end, which makes room for another.
func (c *crowded) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.code == CodeTooManyOpenUploads {
		c.room++
	}
}

func TestFilesForWhichThereIsNoRoomTogetherAreAskedForAlone(t *testing.T) {
	for code, expected := range map[string]int{CodeTooManyOpenUploads: 20, CodeQuotaExceeded: 3} {
		synctest.Test(t, func(t *testing.T) {
			service := &crowded{code: code, room: 3, most: 3}
			client, _ := New(Options{BaseURL: "http://127.0.0.1", Organization: "acme", HTTPClient: &http.Client{Transport: service}})
			var granted atomic.Int32
			var group sync.WaitGroup
			for range 20 {
				group.Go(func() {
					_, err := client.Presign(context.Background(), FileRequest{})
					if err == nil {
						granted.Add(1)
						time.Sleep(time.Second)
						service.end()
					} else if failed := codeOf(t, err); failed.Code != code || failed.RetryAfter != 840*time.Second {
						t.Error(failed, failed.RetryAfter)
					}
				})
			}
			group.Wait()
			if count := granted.Load(); int(count) != expected {
				t.Error(code, count)
			}
		})
	}
}

func TestAPlaceIsWaitedForWhileAnotherUploadMovesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, u := newPart(&http.Client{Transport: &breaking{}}, Options{RetryFor: 5 * time.Minute}, 64<<20)
		waiting := *u.Client
		waiting.upload = nil
		began := time.Now()
		go func() {
			for range 10 {
				time.Sleep(3 * time.Minute)
				p.most = 0 // as if it got further
				_, _, _ = u.put(context.Background(), p)
			}
		}()
		err := waiting.persist(context.Background(), func() error { return &Error{Code: CodeTooManyOpenUploads, mayPass: always} })
		if took := time.Since(began); took != 35*time.Minute || codeOf(t, err).Code != CodeTooManyOpenUploads {
			t.Error(took, err)
		}
	})
}

func TestAnUploadWithoutAPlaceSaysHowLongThereMayBeNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := &Error{Code: CodeTooManyOpenUploads, RetryAfter: 840 * time.Second, mayPass: always}
		took, attempts, err := persistFor(5*time.Minute, func(int) error { return full })
		if took != 5*time.Minute || attempts < 40 || codeOf(t, err).RetryAfter != full.RetryAfter {
			t.Error(took, attempts, err)
		}
	})
}
