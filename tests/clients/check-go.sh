#!/bin/sh
# Holds the client for Go to its formatter, analysers and tests; to the race detector where cgo has
# a compiler.
set -eu
cd "$(dirname "$0")/../../clients/go"
unformatted=$(gofmt -l . ../../tests/clients/go)
[ -z "$unformatted" ] || { echo "Run gofmt -w on: $unformatted"; exit 1; }
staticcheck=honnef.co/go/tools/cmd/staticcheck@v0.8.2
for folder in . ../../tests/clients/go; do
  (cd "$folder" && go vet ./... && go run "$staticcheck" ./...)
done
go test $(command -v gcc >/dev/null && echo -race) ./...
