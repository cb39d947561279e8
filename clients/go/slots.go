package valetkey

import "time"

const (
	// A line is quick if it takes a part in this time, and the answer is no later than that.
	quick       = 2 * time.Second
	quickAnswer = 30 * time.Second
)

// enter waits until one more part may be on its way: one at first and once the line broke, one more
// with every two that were quick, and half as many after a slow one (additive increase,
// multiplicative decrease).
func (u *upload) enter() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for u.running > 0 && u.running >= u.room/2 {
		u.left.Wait()
	}
	u.running++
}

// leave ends what enter began.
func (u *upload) leave(p *part, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.running--
	size := float64(p.content.Size())
	took := p.takenAt.Sub(p.begunAt).Seconds() * max(size, leastPart)
	switch {
	case err != nil && in(err).Status > 0: // it says nothing about the line
	case err != nil:
		u.room = 2
	case took < quick.Seconds()*size && time.Since(p.takenAt) < quickAnswer:
		u.room = min(u.room+1, 2*u.options.Concurrency)
	default:
		u.room = max(u.room/2, 2)
	}
	if err == nil {
		u.breaks = 0
	}
	u.left.Broadcast()
}
