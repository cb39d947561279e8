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
	"strings"
	"sync/atomic"
	"time"
)

// answerTimeout is the longest time for an answer: some stores copy parts to put them together.
const answerTimeout = 2 * time.Minute

// Options of New. BaseURL and Organization are required.
type Options struct {
	// BaseURL is the address of the service, and Organization its name there.
	BaseURL, Organization string
	// Token returns the bearer token, which is sent to the service alone. It is called before each
	// request, and again after a 401: then TokenRefused is true of the context.
	Token func(ctx context.Context) (string, error)
	// HTTPClient calls the service, and may add credentials. By default each phase of a request has
	// a timeout. Redirects are not followed.
	HTTPClient *http.Client
	// StoreClient calls the store, and must neither add credentials nor have an overall timeout:
	// what stands still for two minutes is tried again.
	StoreClient *http.Client
	// Concurrency is the most parts of a file on their way at a time, 4 by default; 1 on a slow line.
	Concurrency int
	// RetryFor is the longest time without progress in which failures are tried again: 5 minutes by
	// default, below 0 none.
	RetryFor time.Duration
}

// Client uploads files of one organization. It may be used by several goroutines.
type Client struct {
	options        Options
	files          string // the address of the organization's files
	service, store *http.Client
	isAnswered     atomic.Bool // by the service
}

// One for all clients, with HTTP/1.1: each body has a connection, which ends if it stands still.
var transport = &http.Transport{
	Proxy:                 http.ProxyFromEnvironment,
	DialContext:           (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
	TLSHandshakeTimeout:   10 * time.Second,
	ExpectContinueTimeout: time.Second,
	ResponseHeaderTimeout: answerTimeout,
	IdleConnTimeout:       90 * time.Second,
	MaxIdleConnsPerHost:   8,
	DisableCompression:    true,
}

// New makes a client.
func New(options Options) (*Client, error) {
	if !isURL(options.BaseURL) || options.Organization == "" || options.Concurrency < 0 {
		return nil, errors.New("valetkey: BaseURL must be a URL, Organization a name, and Concurrency not below 0")
	}
	options.Concurrency = cmp.Or(options.Concurrency, 4)
	options.RetryFor = cmp.Or(options.RetryFor, 5*time.Minute)
	options.BaseURL = strings.TrimSuffix(options.BaseURL, "/")
	return &Client{
		options: options,
		files:   options.BaseURL + "/api/v1/orgs/" + url.PathEscape(options.Organization) + "/files",
		service: withoutRedirects(options.HTTPClient),
		store:   withoutRedirects(options.StoreClient),
	}, nil
}

func isURL(address string) bool {
	parsed, err := url.Parse(address)
	return err == nil && (parsed.Scheme == "http" || parsed.Scheme == "https") && parsed.Host != ""
}

func withoutRedirects(given *http.Client) *http.Client {
	client := http.Client{Transport: transport}
	if given != nil {
		client = *given
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client
}

// StaticToken returns a token that does not change.
func StaticToken(token string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return token, nil }
}

type refusedKey struct{}

// TokenRefused is true of the context that Token is called with once a token of it was refused: one
// from a cache is then of no use.
func TokenRefused(ctx context.Context) bool { return ctx.Value(refusedKey{}) != nil }

type reply struct {
	status int
	header http.Header
	body   []byte
}

// ask calls a path below the files of the organization until there is a final answer, and decodes
// that; isValid, if any, tells whether it can be used.
func (c *Client) ask(ctx context.Context, method, path string, body, answer any, isValid func() bool) error {
	ctx, r := c.begin(ctx)
	return r.persist(ctx, func() (bool, error) {
		got, err := c.exchange(ctx, method, path, body)
		if err != nil {
			return false, err
		}
		if address, isAsked := answer.(*string); isAsked && got.status == http.StatusFound {
			*address = got.header.Get("Location")
		} else if got.status == http.StatusNoContent {
			return false, nil
		} else if got.status >= 300 || got.status == http.StatusAccepted || !json.Valid(got.body) {
			return false, c.refusal(r, got)
		} else {
			err = json.Unmarshal(got.body, answer)
		}
		if err != nil || (isValid != nil && !isValid()) {
			path, _, _ := strings.Cut(path, "?")
			return false, newError(CodeInvalidAnswer, "The answer of "+method+" "+path+" cannot be used",
				"Check that BaseURL is the address of the service, and update this client.", err)
		}
		c.isAnswered.Store(true)
		return false, nil
	})
}

// exchange sends one request, and once more with another token if that was refused.
func (c *Client) exchange(ctx context.Context, method, path string, body any) (*reply, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	var text []byte
	if body != nil {
		text, _ = json.Marshal(body)
	}
	got, err := c.send(ctx, method, path, text)
	if err == nil && got.status == http.StatusUnauthorized && c.options.Token != nil {
		return c.send(context.WithValue(ctx, refusedKey{}, true), method, path, text)
	}
	return got, err
}

func (c *Client) send(ctx context.Context, method, path string, body []byte) (*reply, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.files+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.options.Token != nil {
		token, err := c.options.Token(ctx)
		failed := newError(CodeNoToken, "There is no token", "Token must return text on one line.", err)
		var lost net.Error
		if errors.As(err, &lost) {
			return nil, &transient{failed, 0}
		} else if err != nil || token == "" || strings.ContainsAny(token, "\r\n") {
			return nil, failed
		}
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := c.service.Do(request)
	if err == nil {
		defer response.Body.Close()
		var text []byte
		if text, err = io.ReadAll(io.LimitReader(response.Body, 8<<20)); err == nil {
			return &reply{response.StatusCode, response.Header, text}, nil
		}
	}
	return nil, &transient{newError(CodeOffline, c.options.BaseURL+" does not answer",
		"Check the network connection and BaseURL, then try again.", err), 0}
}

// refusal is the failure of an answer, which something on the way may have given.
func (c *Client) refusal(r *run, got *reply) error {
	var problem struct{ Code, Title, Detail, State string }
	_ = json.Unmarshal(got.body, &problem)
	failed := &Error{
		Code: problem.Code, Title: problem.Title, Detail: problem.Detail, Status: got.status,
		Problem: got.body, RetryAfter: retryAfter(got.header),
	}
	if problem.Code == "" {
		failed.Code, failed.Problem = CodeInvalidAnswer, nil
		failed.Title = fmt.Sprintf("%s answered %d, and not as the service does", c.options.BaseURL, got.status)
		failed.Detail = "Check that BaseURL is the address of the service."
	}
	if got.status == http.StatusAccepted && r.arrival != problem.State {
		// It has arrived, and is now copied or scanned.
		r.arrival = problem.State
		r.look(true)
	}
	isStrange := problem.Code == "" && got.status < 400 // such as of a captive portal, which ends
	isPending := problem.Code != "" && got.status == http.StatusAccepted
	isBusy := isBusy(got.status) && problem.Code != "QUOTA_EXCEEDED"
	if isBusy || isPending || (isStrange && c.isAnswered.Load()) {
		return &transient{failed, 0}
	}
	return failed
}
