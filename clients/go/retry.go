package valetkey

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// persist calls work until it succeeds or fails for good: again and again with full jitter (AWS
// Architecture Blog, "Exponential Backoff And Jitter"), or after the time that the answer asks for,
// as long as RetryFor allows since the first failure or the last progress of the upload.
func (c *Client) persist(ctx context.Context, work func() error) error {
	var since time.Time
	for most := time.Second; ; most = min(2*most, 10*time.Second) {
		err := work()
		var failed *Error
		if err != nil && ctx.Err() != nil {
			return aborted(ctx)
		} else if !errors.As(err, &failed) || failed.mayPass == 0 {
			return err
		}
		if since.IsZero() {
			since = time.Now()
		}
		if c.upload != nil {
			if at := c.upload.show(0, failed); at.After(since) {
				since, most = at, time.Second // a line that carries something is soon tried again
			}
		}
		after := failed.RetryAfter
		if failed.Code == CodeTooManyOpenUploads {
			after = 0 // an upload may end long before the URLs that it is about
			// Whoever has the places makes room: while uploads here move on, it is worth waiting.
			if at, _ := c.known.movedAt.Load().(time.Time); at.After(since) {
				since = at
			}
		}
		left := min(max(c.options.RetryFor, 0), failed.mayPass) - time.Since(since)
		if after >= left {
			failed.mayPass = 0
			return failed
		}
		if after > 0 {
			// Many clients got the same time, so some of the jitter comes on top.
			most = time.Second / 2
		}
		delay := after + time.Duration(rand.Float64()*float64(most))
		select {
		case <-ctx.Done():
		case <-time.After(min(delay, left)):
		}
	}
}

func aborted(ctx context.Context) *Error {
	return newError(CodeAborted, "The context ended", "Call it again.", ctx.Err())
}

// isBusy returns true if a later request may be answered differently (RFC 9110).
func isBusy(status int) bool {
	return status == http.StatusRequestTimeout || status == http.StatusTooManyRequests ||
		(status >= 500 && status != http.StatusNotImplemented)
}

// retryAfter reads a Retry-After header: seconds, or a date by the clock of the answer. It is 0 without
// one.
func retryAfter(header http.Header) time.Duration {
	value := header.Get("Retry-After")
	seconds, err := strconv.ParseUint(value, 10, 31)
	if err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(seconds, 1<<31-1)) * time.Second
	}
	date, _ := http.ParseTime(value)
	now, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	return max(date.Sub(now), 0)
}
