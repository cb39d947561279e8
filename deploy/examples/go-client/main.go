package main

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"path/filepath"

	"example.com/upload/valetkey"
)

func main() {
	path, mediaType := os.Args[1], os.Args[2]
	file, err := os.ReadFile(path)
	check(err)
	ctx := context.Background()
	client, err := valetkey.NewClientWithResponses(os.Getenv("VALETKEY"),
		valetkey.WithRequestEditorFn(func(_ context.Context, request *http.Request) error {
			request.Header.Set("Authorization", "Bearer "+os.Getenv("TOKEN"))
			return nil
		}))
	check(err)

	var body valetkey.PresignRequest
	check(body.FromUploadRequest(valetkey.UploadRequest{
		Filename: filepath.Base(path), ContentType: mediaType, Size: int64(len(file)),
	}))
	granted, err := client.PresignWithResponse(ctx, "acme", nil, body)
	check(err)
	if refused := granted.ApplicationproblemJSON415; refused != nil {
		log.Fatalf("One of %v, please", refused.Allowed)
	}
	if granted.JSON200 == nil {
		log.Fatalf("%s", granted.Body)
	}
	upload, err := granted.JSON200.AsUpload()
	check(err)

	put, err := http.NewRequest(http.MethodPut, upload.PutUrl, bytes.NewReader(file))
	check(err)
	for name, value := range upload.PutHeaders {
		put.Header.Set(name, value)
	}
	sent, err := http.DefaultClient.Do(put)
	check(err)
	defer sent.Body.Close()

	confirmed, err := client.ConfirmWithResponse(ctx, "acme", valetkey.Confirmation{Receipt: upload.Receipt})
	check(err)
	if confirmed.JSON200 == nil {
		log.Fatalf("%s", confirmed.Body)
	}
	fmt.Println(confirmed.JSON200.GetUrl)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
