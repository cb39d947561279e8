// Package hastened is the package time with clocks that are Rate times as fast. go.test.ts builds the
// client with it, so that nobody waits for minutes.
package hastened

import "time"

type (
	Duration = time.Duration
	Time     = time.Time
)

const (
	Second = time.Second
	Minute = time.Minute
)

// Rate is set before there is a client.
var Rate = Duration(1)

var began = time.Now()

func Now() Time                       { return began.Add(time.Since(began) * Rate) }
func Since(at Time) Duration          { return Now().Sub(at) }
func After(wait Duration) <-chan Time { return time.After(wait / Rate) }
func Unix(seconds, nanos int64) Time  { return time.Unix(seconds, nanos) }

type timer struct{ *time.Timer }

func AfterFunc(wait Duration, run func()) timer { return timer{time.AfterFunc(wait/Rate, run)} }

func (t timer) Reset(wait Duration) bool { return t.Timer.Reset(wait / Rate) }
