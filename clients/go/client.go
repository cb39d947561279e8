// Package valetkey uploads files through a Valetkey service, straight into its object store: in
// parts and several at once, again after a break of the line, and on from where a process ended.
package valetkey

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
)

const (
	// timeout is the longest time for an answer of the service, for some stores copy parts to put them
	// together; and without progress of a transfer.
	timeout = 2 * time.Minute
	// outage is a time in which a gateway has restarted, and a captive portal has let people in.
	outage = 45 * time.Second
)

// Options of New. BaseURL and Organization are required.
type Options struct {
	// BaseURL is the address of the service, and Organization its name there.
	BaseURL, Organization string
	// Token returns the bearer token, which is sent to the service alone. It is called before each
	// request, and once more after a 401: then the last token is refused, and a fresh one is needed.
	Token func(ctx context.Context, isRefused bool) (string, error)
	// HTTPClient calls the service and the store, by default as http.DefaultClient does. It must
	// neither add credentials, which the store would get too, nor have an overall timeout: what
	// stands still for two minutes is tried again. Redirects are not followed.
	HTTPClient *http.Client
	// Concurrency is the most parts on their way at a time, 4 by default, of all uploads of the client;
	// up to 16 small files count as one.
	Concurrency int
	// RetryFor is the longest time without progress in which failures are tried again: 5 minutes by
	// default, below 0 none.
	RetryFor time.Duration
}

// Client uploads files of one organization. It may be used by several goroutines.
type Client struct {
	options Options
	files   string // the address of the organization's files
	http    http.Client
	upload  *upload // that the calls are part of, if any
	known   *known
}

// known is what the uploads of a client share.
type known struct {
	isService atomic.Bool // the service is at BaseURL
	policies  atomic.Pointer[keptPolicies]
	movedAt   atomic.Value // the time at which any upload got further
	line      *storeLine
	grants    together[granting]
	confirms  together[confirming]
}

// New makes a client.
func New(options Options) (*Client, error) {
	if !isURL(options.BaseURL) || options.Organization == "" || options.Concurrency < 0 {
		return nil, errors.New("valetkey: BaseURL must be a URL, Organization a name, and Concurrency not below 0")
	}
	options.Concurrency = cmp.Or(options.Concurrency, 4)
	options.RetryFor = cmp.Or(options.RetryFor, 5*time.Minute)
	options.BaseURL = strings.TrimSuffix(options.BaseURL, "/")
	c := &Client{
		options: options,
		files:   options.BaseURL + "/api/v1/orgs/" + url.PathEscape(options.Organization) + "/files",
		known: &known{
			line: newLine(options.Concurrency), grants: newTogether[granting](1), confirms: newTogether[confirming](confirmRequests)},
	}
	if options.HTTPClient != nil {
		c.http = *options.HTTPClient
	} else if usual, isUsual := http.DefaultTransport.(*http.Transport); isUsual {
		// By default all but two connections to a host are closed after each request.
		kept := usual.Clone()
		kept.MaxIdleConnsPerHost = filesAtOnce
		c.http.Transport = kept
	}
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c, nil
}

// StaticToken returns a token that does not change.
func StaticToken(token string) func(context.Context, bool) (string, error) {
	return func(context.Context, bool) (string, error) { return token, nil }
}

// ask calls a path below the files of the organization until there is a final answer that is usable,
// and decodes that; of a redirect its address. Without anything to decode, 204 is awaited.
func (c *Client) ask(ctx context.Context, method, path string, body, answer any, isUsable func() bool) error {
	return c.persist(ctx, func() error { return c.once(ctx, method, path, body, answer, isUsable) })
}

func (c *Client) once(ctx context.Context, method, path string, body, answer any, isUsable func() bool) error {
	got, text, err := c.exchange(ctx, method, path, body, false)
	if err == nil && got.StatusCode == http.StatusUnauthorized && c.options.Token != nil {
		got, text, err = c.exchange(ctx, method, path, body, true)
	}
	if err != nil {
		return err
	}
	isOther := !json.Valid(text) // something on the way, such as a captive portal, unless it is an error
	if !isOther {
		c.known.isService.Store(true)
	}
	isDone := got.StatusCode/100 == 2 && got.StatusCode != http.StatusAccepted
	if address, isAsked := answer.(*string); isAsked {
		*address = got.Header.Get("Location")
		isDone = got.StatusCode == http.StatusFound
	} else if answer == nil {
		isDone = got.StatusCode == http.StatusNoContent
	} else if isDone {
		isDone = json.Unmarshal(text, answer) == nil
	}
	if isDone && (isUsable == nil || isUsable()) {
		return nil
	}
	failed := c.refusal(got.StatusCode, retryAfter(got.Header), text)
	if isOther && got.StatusCode < 400 {
		// Where the service was, it comes back once somebody has signed in to the network.
		failed.mayPass = outage
		if c.known.isService.Load() {
			failed.mayPass = always
		}
	}
	return failed
}

// address returns that of a path below the files of the organization, or beside them behind "..".
func (c *Client) address(path string) string {
	if beside, isBeside := strings.CutPrefix(path, ".."); isBeside {
		return strings.TrimSuffix(c.files, "/files") + beside
	}
	return c.files + path
}

// isURL returns true for an address of HTTP.
func isURL(text string) bool {
	parsed, err := url.Parse(text)
	return err == nil && (parsed.Scheme == "http" || parsed.Scheme == "https") && parsed.Host != ""
}

// isLine returns true for text on one line, which moves no cursor either.
func isLine(text string) bool { return !strings.ContainsFunc(text, unicode.IsControl) }

// exchange sends one request, and returns the answer with its body.
func (c *Client) exchange(ctx context.Context, method, path string, body any, isRefused bool) (*http.Response, []byte, error) {
	// Of the caller's context alone an error may say that it ended.
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, os.ErrDeadlineExceeded)
	defer cancel()
	var content []byte
	if body != nil {
		content, _ = json.Marshal(body)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.address(path), bytes.NewReader(content))
	if err != nil {
		return nil, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if c.options.Token != nil {
		token, err := c.options.Token(ctx, isRefused)
		if err != nil || token == "" || !isLine(token) {
			failed := newError(CodeNoToken, "There is no token", "Token must return text on one line.", err)
			var lost net.Error
			if errors.As(err, &lost) {
				passing(failed)
			}
			return nil, nil, failed
		}
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := c.http.Do(request)
	if err == nil {
		defer response.Body.Close()
		var text []byte
		if text, err = io.ReadAll(io.LimitReader(response.Body, 8<<20)); err == nil {
			return response, text, nil
		}
	}
	return nil, nil, passing(newError(CodeOffline, c.options.BaseURL+" does not answer",
		"Check the network connection and BaseURL, then try again.", cmp.Or(context.Cause(ctx), err)))
}

// refusal is the failure of an answer.
func (c *Client) refusal(status int, after time.Duration, text []byte) *Error {
	failed := &Error{}
	if json.Unmarshal(text, failed) != nil || failed.Code == "" || !isLine(failed.Code+failed.Title+failed.Detail) {
		failed = newError(CodeInvalidAnswer, fmt.Sprintf("%s answered %d, and not as the service does",
			c.options.BaseURL, status), "Check that BaseURL is the address of the service, and update this client.", nil)
	} else {
		failed.Problem = text
	}
	failed.Status, failed.RetryAfter = status, after
	isPending := status == http.StatusAccepted && failed.Problem != nil
	isFull := failed.Code == CodeQuotaExceeded || failed.Code == CodeStorageFull
	if isPending || (isBusy(status) && !isFull) {
		return passing(failed)
	}
	return failed
}
