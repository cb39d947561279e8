// The program that Valetkey replaces: net/http and Amazon's SDK, two presigned URLs for each
// request, no receipt.
package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"path"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

const (
	putLifetime = 15 * time.Minute
	getLifetime = 24 * time.Hour
)

var (
	token   = sha256.Sum256([]byte("x"))
	allowed = map[string]bool{"image/png": true, "image/jpeg": true, "application/pdf": true, "text/plain": true}
)

type asked struct {
	Filename    string `json:"filename"`
	ContentType string `json:"content_type"`
	Size        int64  `json:"size"`
}

type granted struct {
	PutURL       string            `json:"put_url"`
	GetURL       string            `json:"get_url"`
	PutHeaders   map[string]string `json:"put_headers"`
	PutExpiresAt time.Time         `json:"put_expires_at"`
	GetExpiresAt time.Time         `json:"get_expires_at"`
	Key          string            `json:"key"`
}

func main() {
	client := s3.New(s3.Options{
		Region:       "us-east-1",
		BaseEndpoint: aws.String("http://127.0.0.1:9000"),
		UsePathStyle: true,
		Credentials:  credentials.NewStaticCredentialsProvider("access-key", "secret-key", ""),
	})
	presigner := s3.NewPresignClient(client)
	http.HandleFunc("POST /api/v1/orgs/{slug}/files/presign", func(w http.ResponseWriter, r *http.Request) {
		hash := sha256.Sum256([]byte(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")))
		if subtle.ConstantTimeCompare(hash[:], token[:]) != 1 {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		var body asked
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 16<<10)).Decode(&body); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if !allowed[body.ContentType] {
			w.WriteHeader(http.StatusUnsupportedMediaType)
			return
		}
		if body.Size < 1 || body.Size > 10<<20 {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		answer, err := grant(r.Context(), presigner, r.PathValue("slug"), body)
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer)
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}

func grant(ctx context.Context, presigner *s3.PresignClient, slug string, body asked) (*granted, error) {
	now := time.Now().UTC()
	bucket := aws.String("files")
	key := fmt.Sprintf("orgs/%s/files/%s/%s%s", slug, now.Format("2006/01"), uuid(), path.Ext(body.Filename))
	put, err := presigner.PresignPutObject(ctx, &s3.PutObjectInput{
		Bucket:        bucket,
		Key:           aws.String(key),
		ContentType:   aws.String(body.ContentType),
		ContentLength: aws.Int64(body.Size),
	}, s3.WithPresignExpires(putLifetime))
	if err != nil {
		return nil, err
	}
	get, err := presigner.PresignGetObject(ctx, &s3.GetObjectInput{
		Bucket:              bucket,
		Key:                 aws.String(key),
		ResponseContentType: aws.String(body.ContentType),
	}, s3.WithPresignExpires(getLifetime))
	if err != nil {
		return nil, err
	}
	return &granted{
		PutURL:       put.URL,
		GetURL:       get.URL,
		PutHeaders:   map[string]string{"Content-Type": body.ContentType},
		PutExpiresAt: now.Add(putLifetime),
		GetExpiresAt: now.Add(getLifetime),
		Key:          key,
	}, nil
}

// A random UUID (RFC 9562, section 5.4).
func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
