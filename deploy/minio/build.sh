#!/bin/sh
# Builds MinIO and its client mc once into the user's cache, and puts the binaries where the
# Dockerfiles expect them. Takes Go, or a Docker engine that can pull the official Go image. Prints
# the path of MinIO's binary last.
set -eu

go_image=golang:1.26-bookworm
here=$(cd "$(dirname "$0")" && pwd)

# Says every 30 seconds how far Go is, and all that it has said only if it fails.
with_progress() {
  # Ends with this script; the sleep must not keep its outputs open.
  while sleep 30 >/dev/null 2>&1 && kill -0 $$; do
    echo "  $(grep -cv '^go: ' "$cache/build.log") of $packages packages" >&2
  done &
  reporter=$!
  "$@" >"$cache/build.log" 2>&1 || { kill "$reporter"; cat "$cache/build.log" >&2; exit 1; }
  kill "$reporter"
}

# build NAME VERSION PACKAGES TIME: leaves the path of the binary in $built.
build() {
  name=$1 version=$2 packages=$3
  cache="${XDG_CACHE_HOME:-$HOME/.cache}/valetkey/$name-$version"
  built="$cache/$name"
  if [ ! -x "$built" ]; then
    mkdir -p "$cache"
    started=$(date +%s)
    if command -v go >/dev/null; then
      echo "Building $name with Go, once, into $cache ($4)..." >&2
      # Static, so that it runs in an image that has nothing else.
      GOBIN="$cache" CGO_ENABLED=0 with_progress go install -v -trimpath -ldflags "-s -w" \
        "github.com/minio/$name@$version"
    elif docker info >/dev/null 2>&1; then
      echo "Building $name in the image $go_image, once, into $cache ($4)..." >&2
      with_progress docker run --rm -v "$cache:/out" -e GOBIN=/out -e CGO_ENABLED=0 "$go_image" \
        go install -v -trimpath -ldflags "-s -w" "github.com/minio/$name@$version"
    else
      echo "$name cannot be built here: install Go or start a Docker engine." >&2
      exit 1
    fi
    echo "Built $name in $(($(date +%s) - started)) seconds." >&2
  fi
  # A new name, then a rename: a build that reads the file meanwhile sees all of it or the old one.
  if ! cmp -s "$built" "$here/$name"; then
    cp "$built" "$here/$name.$$"
    mv "$here/$name.$$" "$here/$name"
  fi
}

# The client makes the keys of the compose file; tests need the server alone.
[ "${1:-}" = --server-only ] || build mc v0.0.0-20250313080218-cf909e1063a9 580 "1 to 3 minutes"
build minio v0.0.0-20260212201848-7aac2a2c5b7c 1300 "5 minutes on two free cores, 15 on busy ones"
echo "$built"
