package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"example.com/upload/valetkey"
)

func main() {
	path, mediaType := os.Args[1], os.Args[2]
	file, err := os.Open(path)
	check(err)
	defer file.Close()
	facts, err := file.Stat()
	check(err)
	ctx := context.Background()
	client, err := valetkey.NewClientWithResponses(os.Getenv("VALETKEY"),
		valetkey.WithRequestEditorFn(func(_ context.Context, request *http.Request) error {
			request.Header.Set("Authorization", "Bearer "+os.Getenv("TOKEN"))
			return nil
		}))
	check(err)

	granted, err := client.PresignWithResponse(ctx, "acme", valetkey.UploadRequest{
		Filename: filepath.Base(path), ContentType: mediaType, Size: facts.Size(),
	})
	check(err)
	if refused := granted.ApplicationproblemJSON415; refused != nil {
		log.Fatalf("One of %v, please", refused.Allowed)
	}
	if granted.JSON200 == nil {
		log.Fatalf("%s", granted.Body)
	}
	upload := granted.JSON200

	put, err := http.NewRequest(http.MethodPut, upload.PutUrl, file)
	check(err)
	// Otherwise it would be sent in chunks of no known length.
	put.ContentLength = facts.Size()
	for name, value := range upload.PutHeaders {
		put.Header.Set(name, value)
	}
	sent, err := http.DefaultClient.Do(put)
	check(err)
	defer sent.Body.Close()
	if sent.StatusCode >= 300 {
		reason, _ := io.ReadAll(io.LimitReader(sent.Body, 4096))
		log.Fatalf("The store answered %d: %s", sent.StatusCode, reason)
	}

	for {
		confirmed, err := client.ConfirmWithResponse(ctx, "acme", valetkey.Confirmation{Receipt: upload.Receipt})
		check(err)
		if confirmed.JSON200 != nil {
			fmt.Println(confirmed.JSON200.GetUrl)
			return
		}
		if confirmed.StatusCode() != http.StatusAccepted {
			log.Fatalf("%s", confirmed.Body)
		}
		// It has arrived, and is copied or scanned.
		seconds, err := strconv.Atoi(confirmed.HTTPResponse.Header.Get("Retry-After"))
		check(err)
		time.Sleep(time.Duration(seconds) * time.Second)
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
