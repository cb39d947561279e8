// The program that tests/clients/scenarios.ts runs: each command is one use of the client, with its
// result as a line of JSON.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"example.com/client/hastened"
	valetkey "github.com/valetkey/valetkey/clients/go"
)

// sent counts the bytes of files that went to the store.
var sent atomic.Int64

type counting struct{ http.RoundTripper }

type countedBody struct{ io.ReadCloser }

func (b countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	sent.Add(int64(n))
	return n, err
}

func (c counting) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method != http.MethodPut {
		return c.RoundTripper.RoundTrip(request)
	}
	counted := request.Clone(request.Context())
	counted.Body = countedBody{request.Body}
	return c.RoundTripper.RoundTrip(counted)
}

var (
	flags     = flag.NewFlagSet("client", flag.ExitOnError)
	base      = flags.String("base", "", "the address of the service")
	org       = flags.String("org", "", "the organization")
	tokenFile = flags.String("token-file", "", "a file with the token, which is read again once that is refused")
	state     = flags.String("state", "", "the folder for uploads that are continued")
	retryFor  = flags.Int("retry-for", 0, "the longest time without progress, in seconds")
	metadata  = flags.String("metadata", `{"from":"a-client"}`, "of an upload")
	mediaType = flags.String("type", "", "of an upload")
	policy    = flags.String("policy", "", "of an upload")
	hasten    = flags.Int("hasten", 1, "how many times as fast the clocks are")
	dropped   = flags.String("path", "", "of an upload, in its folder")
	isApart   = flags.Bool("apart", false, "each file by a client of its own")
)

func main() {
	command := os.Args[1]
	_ = flags.Parse(os.Args[2:])
	hastened.Rate = hastened.Duration(*hasten)
	if command == "receive" {
		fail(receive(*base, flags.Args()))
	}
	client := newClient()
	if command == "upload" && flags.NArg() > 1 {
		for _, file := range flags.Args() {
			if *isApart {
				client = newClient()
			}
			result, err := upload(client, file)
			if err != nil {
				result = told(err)
			}
			show(os.Stdout, result)
		}
		return
	}
	result, err := run(client, command, flags.Args())
	if err != nil {
		fail(err)
	}
	show(os.Stdout, result)
}

func newClient() *valetkey.Client {
	var mu sync.Mutex
	var token string
	client, err := valetkey.New(valetkey.Options{
		BaseURL: *base, Organization: *org, RetryFor: time.Duration(*retryFor) * time.Second,
		Token: func(_ context.Context, isRefused bool) (string, error) {
			mu.Lock()
			defer mu.Unlock()
			if token != "" && !isRefused {
				return token, nil
			}
			text, err := os.ReadFile(*tokenFile)
			token = strings.TrimSpace(string(text))
			return token, err
		},
		HTTPClient: &http.Client{Transport: counting{http.DefaultTransport}},
	})
	if err != nil {
		fail(err)
	}
	return client
}

func upload(client *valetkey.Client, path string) (any, error) {
	ctx := context.Background()
	if *state == "" {
		var stop func()
		ctx, stop = signal.NotifyContext(ctx, os.Interrupt)
		defer stop()
	}
	options := valetkey.UploadOptions{
		StateFolder: *state, ContentType: *mediaType, Policy: *policy, Path: *dropped,
		Progress: func(p valetkey.Progress) {
			fmt.Fprintln(os.Stderr, "progress", p.Sent, p.Total, p.Retrying)
		},
	}
	if err := json.Unmarshal([]byte(*metadata), &options.Metadata); err != nil {
		return nil, err
	}
	result, err := client.UploadFile(ctx, path, options)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"key": result.Key, "size": result.Size, "content_type": result.ContentType, "get_url": result.GetURL,
		"file_url": result.FileURL, "receipt": result.Receipt, "metadata": result.Metadata,
		"filename": result.Filename, "path": result.Path,
		"sent": sent.Load(), "peak": peak(),
	}, nil
}

// peak is the most memory that the process had, in KiB.
func peak() int64 {
	status, _ := os.ReadFile("/proc/self/status")
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	var kib int64
	if _, err := fmt.Sscan(after, &kib); err != nil {
		panic(err)
	}
	return kib
}

func show(file *os.File, value any) {
	line, err := json.Marshal(value)
	if err != nil {
		fail(err)
	}
	fmt.Fprintln(file, string(line))
}

func run(client *valetkey.Client, command string, args []string) (any, error) {
	ctx := context.Background()
	switch command {
	case "upload":
		return upload(client, args[0])
	case "policies":
		return client.Policies(ctx)
	case "presign":
		return client.Presign(ctx, valetkey.FileRequest{Filename: args[0], ContentType: args[1], Size: 5})
	case "confirm":
		return client.Confirm(ctx, args[0])
	case "list":
		keys := []string{}
		for file, err := range client.List(ctx, valetkey.ListOptions{Details: true}) {
			if err != nil {
				return nil, err
			}
			keys = append(keys, file.Key)
		}
		return keys, nil
	case "state":
		return client.State(ctx, args[0])
	case "url":
		return client.GetURL(ctx, args[0])
	case "link":
		return client.Link(ctx, args[0], time.Hour)
	case "remove":
		return nil, client.Remove(ctx, args[0])
	}
	return nil, errors.New("no such command: " + command)
}

// receive prints the events that come to an address as lines of JSON.
func receive(base string, secrets []string) error {
	address := strings.TrimPrefix(base, "http://")
	return http.ListenAndServe(address, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		event, err := valetkey.ReceiveEvent(r, secrets...)
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		line, _ := json.Marshal(map[string]string{"id": event.ID, "type": event.Type, "key": event.Data.Key})
		fmt.Println(string(line))
		w.WriteHeader(http.StatusNoContent)
	}))
}

func told(err error) map[string]any {
	told := map[string]any{"message": err.Error(), "sent": sent.Load(), "peak": peak()}
	var failed *valetkey.Error
	if errors.As(err, &failed) {
		told["code"], told["status"] = failed.Code, failed.Status
	}
	return told
}

// fail ends with the error as JSON.
func fail(err error) {
	show(os.Stderr, told(err))
	os.Exit(1)
}
