package valetkey

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	// A line is quick if it takes a part in this time, and the answer is no later than that.
	quick       = 2 * time.Second
	quickAnswer = 30 * time.Second
	// smallest is the share of a part that any body counts as: so many small ones cost as much.
	smallest = 1.0 / 16
)

// storeLine is the line of all uploads of a client. One part is on its way at first and once the
// line broke, one more with every two that were quick, and half as many after a slow one (additive
// increase, multiplicative decrease). Small files count as a share of a part.
type storeLine struct {
	mu      sync.Mutex
	most    float64 // parts on their way
	limit   float64 // that most grows to
	going   float64
	waiting []*place // in their order, so that none waits for good
}

type place struct {
	share  float64
	isFree chan struct{} // closed once the body may go
}

func newLine(limit int) *storeLine { return &storeLine{most: 1, limit: float64(limit)} }

// enter waits until a body of so many bytes may be on its way, and returns its share.
func (l *storeLine) enter(ctx context.Context, size int64) (float64, error) {
	own := &place{min(1, max(float64(size)/leastPart, smallest)), make(chan struct{})}
	l.mu.Lock()
	l.waiting = append(l.waiting, own)
	l.admit()
	l.mu.Unlock()
	select {
	case <-own.isFree:
		return own.share, nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if index := slices.Index(l.waiting, own); index >= 0 {
		l.waiting = slices.Delete(l.waiting, index, index+1)
	} else {
		l.going -= own.share
	}
	l.admit()
	return 0, ctx.Err()
}

// admit lets those go for whom there is room, while mu is held.
func (l *storeLine) admit() {
	for len(l.waiting) > 0 && (l.going == 0 || l.going+l.waiting[0].share <= l.most) {
		l.going += l.waiting[0].share
		close(l.waiting[0].isFree)
		l.waiting = l.waiting[1:]
	}
}

// leave ends what enter began, with what came of the body.
func (l *storeLine) leave(share float64, p *part, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.going -= share
	size, took := p.content.Size(), p.takenAt.Sub(p.begunAt)
	answered := time.Since(p.takenAt)
	switch {
	case err != nil && in(err).Status > 0: // it says nothing about the line
	case err != nil:
		l.most = 1
	case took > quick || answered > quickAnswer:
		l.most = max(l.most/2, 1)
	// A small body is soon taken on any line.
	case size >= leastPart || (took+answered)*leastPart < quick*time.Duration(size):
		l.most = min(l.most+share/2, l.limit)
	}
	l.admit()
}
