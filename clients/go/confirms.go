package valetkey

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

const (
	// mostConfirms is the most uploads that are confirmed with one request.
	mostConfirms = 50
	// confirmRequests is the most such requests at a time: some of them wait for copies and scans.
	confirmRequests = 4
)

type confirming struct {
	result *Result    // with its receipt, which the answer has not
	asked  chan error // has the outcome of a request for several; nil without a result: to be asked alone
}

// Confirm confirms an upload, and waits until it is ready. It needs the scope confirm. What goroutines
// confirm while requests are under way goes together with the next.
func (c *Client) Confirm(ctx context.Context, receipt string) (*Result, error) {
	own := &confirming{&Result{Receipt: receipt}, make(chan error, 1)}
	alone := func() error {
		body := map[string]string{"receipt": receipt}
		return c.once(ctx, http.MethodPost, "/confirm", body, own.result, own.result.isUsable)
	}
	err := c.persist(ctx, func() error {
		err := c.known.confirms.join(ctx, own, mostConfirms, func(all []*confirming) {
			if len(all) == 1 {
				own.asked <- alone()
			} else {
				c.confirmTogether(ctx, all)
			}
		})
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-own.asked:
			if err != nil || own.result.isUsable() {
				return err
			}
		}
		return alone()
	})
	if err != nil {
		return nil, err
	}
	return own.result, nil
}

// confirmTogether confirms several uploads, each with an outcome of its own.
func (c *Client) confirmTogether(ctx context.Context, all []*confirming) {
	var answer struct {
		Uploads []struct {
			File       json.RawMessage
			Problem    json.RawMessage
			RetryAfter int64 `json:"retry_after"`
		}
	}
	var receipts []string
	for _, each := range all {
		receipts = append(receipts, each.result.Receipt)
	}
	isAll := func() bool { return len(answer.Uploads) == len(all) }
	err := c.once(ctx, http.MethodPost, "/confirm/batch", map[string]any{"receipts": receipts}, &answer, isAll)
	for index, each := range all {
		if failed := *in(err); failed.mayPass > 0 && ctx.Err() == nil {
			each.asked <- &failed
			continue
		}
		// What has no readable outcome is asked alone.
		var outcome error
		if err == nil {
			found := answer.Uploads[index]
			var problem struct{ Status int }
			if json.Unmarshal(found.Problem, &problem) == nil && problem.Status > 0 {
				outcome = c.refusal(problem.Status, time.Duration(found.RetryAfter)*time.Second, found.Problem)
			} else {
				file := Result{Receipt: each.result.Receipt}
				if json.Unmarshal(found.File, &file) == nil {
					*each.result = file
				}
			}
		}
		each.asked <- outcome
	}
}
