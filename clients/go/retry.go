package valetkey

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	firstDelay   = 500 * time.Millisecond
	longestDelay = 10 * time.Second
	// longestGap is the longest time between two looks at the clock of a process that is awake.
	longestGap = sendTimeout + longestDelay
)

// transient is a failure that another attempt may mend; err is the error of the last one.
type transient struct {
	err  *Error
	most int // attempts; 0 for as long as there is time, and below for another one in any case
}

func (t *transient) Error() string { return t.err.Error() }

// run is a call under way, of which several parts may be tried at a time.
type run struct {
	budget  time.Duration
	onRetry func(failed error)
	arrival string // the state that the service last gave of a file that has arrived

	mu                sync.Mutex
	lookedAt          time.Time
	awake, progressAt time.Duration
}

type runKey struct{}

// begin returns the run of the context, or makes one.
func (c *Client) begin(ctx context.Context) (context.Context, *run) {
	r, isUnderWay := ctx.Value(runKey{}).(*run)
	if !isUnderWay {
		r = &run{budget: max(c.options.RetryFor, 0), onRetry: func(error) {}, lookedAt: time.Now()}
		ctx = context.WithValue(ctx, runKey{}, r)
	}
	return ctx, r
}

// look returns for how long it was tried, and how long ago the last progress was. What the machine or
// the process was asleep counts for little of it: it looks at each failure and each progress.
func (r *run) look(isProgress bool) (awake, silence time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.awake += min(time.Since(r.lookedAt), longestGap)
	r.lookedAt = time.Now()
	if isProgress {
		r.progressAt = r.awake
	}
	return r.awake, r.awake - r.progressAt
}

// persist calls work until it succeeds or fails for good: again and again with full jitter (AWS
// Architecture Blog, "Exponential Backoff And Jitter"), or after the time that the answer asks for,
// as long as the run allows since the first failure or the last progress of any of it. work returns
// true if it got far enough to be tried again soon.
func (r *run) persist(ctx context.Context, work func() (gotFar bool, err error)) error {
	attempt, first := 0, time.Duration(-1)
	for {
		gotFar, err := work()
		var failed *transient
		if err != nil && ctx.Err() != nil {
			return aborted(ctx)
		} else if !errors.As(err, &failed) {
			return err
		}
		awake, silence := r.look(false)
		if first < 0 {
			first = awake
		}
		if attempt++; gotFar {
			attempt = 1
		}
		left := r.budget - min(awake-first, silence)
		if failed.most >= 0 && (failed.err.RetryAfter >= left || (failed.most > 0 && attempt > failed.most)) {
			return failed.err
		}
		r.onRetry(failed.err)
		select {
		case <-ctx.Done():
			return aborted(ctx)
		case <-time.After(min(delayAfter(attempt, failed), max(left, 0))):
		}
	}
}

func delayAfter(attempt int, failed *transient) time.Duration {
	if failed.most < 0 {
		return 0
	}
	most := min(firstDelay<<min(attempt, 10), longestDelay)
	if failed.err.RetryAfter > 0 {
		// Many clients got the same time, so some of the jitter comes on top.
		most = firstDelay
	}
	return failed.err.RetryAfter + time.Duration(rand.Float64()*float64(most))
}

// isBusy returns true if a later request may be answered differently (RFC 9110).
func isBusy(status int) bool {
	return status == http.StatusRequestTimeout || status == http.StatusTooManyRequests ||
		(status >= 500 && status != http.StatusNotImplemented)
}

// retryAfter reads a Retry-After header, of seconds or a date; it is 0 without one.
func retryAfter(header http.Header) time.Duration {
	value := header.Get("Retry-After")
	seconds, err := strconv.ParseUint(value, 10, 31)
	if err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(seconds, 1<<31-1)) * time.Second
	}
	date, _ := http.ParseTime(value)
	return max(time.Until(date), 0)
}
