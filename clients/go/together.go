package valetkey

import "context"

// together lets what goroutines ask for at a time go with few requests.
type together[T any] struct {
	turns   chan struct{} // held by those who ask
	waiting chan *T       // to one of them
}

func newTogether[T any](requests int) together[T] {
	return together[T]{turns: make(chan struct{}, requests), waiting: make(chan *T)}
}

// join gives own to a goroutine that asks, or asks for it and for others that wait, for so many at most.
func (t together[T]) join(ctx context.Context, own *T, most int, ask func([]*T)) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case t.waiting <- own:
		return nil
	case t.turns <- struct{}{}:
	}
	defer func() { <-t.turns }()
	all := []*T{own}
	for isMore := true; isMore && len(all) < most; {
		select {
		case other := <-t.waiting:
			all = append(all, other)
		default:
			isMore = false
		}
	}
	ask(all)
	return nil
}
