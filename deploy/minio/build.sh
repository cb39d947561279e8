#!/bin/sh
# Builds MinIO once into the user's cache, and puts the binary where the Dockerfile expects it.
# Takes Go, or a Docker engine that can pull the official Go image. Prints the binary's path last.
set -eu

version=v0.0.0-20260212201848-7aac2a2c5b7c
go_image=golang:1.26-bookworm
here=$(cd "$(dirname "$0")" && pwd)
cache="${XDG_CACHE_HOME:-$HOME/.cache}/valetkey/minio-$version"

if [ ! -x "$cache/minio" ]; then
  mkdir -p "$cache"
  started=$(date +%s)
  if command -v go >/dev/null; then
    echo "Building MinIO with Go, once, into $cache (about 5 minutes)..." >&2
    # Static, so that it runs in an image that has nothing else.
    GOBIN="$cache" CGO_ENABLED=0 go install -trimpath -ldflags "-s -w" \
      "github.com/minio/minio@$version" >&2
  elif docker info >/dev/null 2>&1; then
    echo "Building MinIO in the image $go_image, once, into $cache (about 5 minutes)..." >&2
    docker run --rm -v "$cache:/out" -e GOBIN=/out -e CGO_ENABLED=0 "$go_image" \
      go install -trimpath -ldflags "-s -w" "github.com/minio/minio@$version" >&2
  else
    echo "MinIO cannot be built here: install Go or start a Docker engine." >&2
    exit 1
  fi
  echo "Built MinIO in $(($(date +%s) - started)) seconds." >&2
fi

# A new name, then a rename: a build that reads the file meanwhile sees all of it or the old one.
if ! cmp -s "$cache/minio" "$here/minio"; then
  cp "$cache/minio" "$here/minio.$$"
  mv "$here/minio.$$" "$here/minio"
fi
echo "$cache/minio"
