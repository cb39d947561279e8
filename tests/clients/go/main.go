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
	"strings"
	"sync"
	"sync/atomic"
	"time"

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

func main() {
	command := os.Args[1]
	flags := flag.NewFlagSet(command, flag.ExitOnError)
	base := flags.String("base", "", "the address of the service")
	org := flags.String("org", "", "the organization")
	tokenFile := flags.String("token-file", "", "a file with the token, which is read again once that is refused")
	state := flags.String("state", "", "the folder for uploads that are continued")
	retryFor := flags.Duration("retry-for", 0, "the longest time without progress")
	_ = flags.Parse(os.Args[2:])
	if command == "receive" {
		fail(receive(*base, flags.Args()))
	}
	var mu sync.Mutex
	var token string
	client, err := valetkey.New(valetkey.Options{
		BaseURL: *base, Organization: *org, RetryFor: *retryFor,
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
	result, err := run(client, command, *state, flags.Args())
	if err != nil {
		fail(err)
	}
	line, err := json.Marshal(result)
	if err != nil {
		fail(err)
	}
	fmt.Println(string(line))
}

func run(client *valetkey.Client, command, state string, args []string) (any, error) {
	ctx := context.Background()
	switch command {
	case "upload":
		result, err := client.UploadFile(ctx, args[0], valetkey.UploadOptions{
			StateFolder: state,
			Metadata:    map[string]string{"from": "a-client"},
			Progress: func(p valetkey.Progress) {
				fmt.Fprintln(os.Stderr, "progress", p.Sent, p.Total, p.Retrying)
			},
		})
		if err != nil {
			return nil, err
		}
		return map[string]any{
			"key": result.Key, "size": result.Size, "sent": sent.Load(), "get_url": result.GetURL,
			"file_url": result.FileURL, "receipt": result.Receipt, "metadata": result.Metadata,
		}, nil
	case "policies":
		return client.Policies(ctx)
	case "presign":
		return client.Presign(ctx, valetkey.FileRequest{Filename: args[0], ContentType: args[1], Size: 5})
	case "confirm":
		return client.Confirm(ctx, args[0])
	case "list":
		keys := []string{}
		for file, err := range client.List(ctx, "") {
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

// fail ends with the error as JSON.
func fail(err error) {
	told := map[string]any{"message": err.Error()}
	var failed *valetkey.Error
	if errors.As(err, &failed) {
		told["code"], told["status"] = failed.Code, failed.Status
	}
	line, _ := json.Marshal(told)
	fmt.Fprintln(os.Stderr, string(line))
	os.Exit(1)
}
