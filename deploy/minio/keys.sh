#!/bin/sh
# Makes the bucket, and a user for each use who may do what its policy says and nothing else.
# What is there already is left, but for the policies, which are as the files say.
set -eu

export MC_CONFIG_DIR=/tmp/mc
for attempt in $(seq 30); do
  mc alias set store "$STORE" "$MINIO_ROOT_USER" "$MINIO_ROOT_PASSWORD" >/dev/null 2>&1 && break
  [ "$attempt" -lt 30 ] || { echo "There is no MinIO at $STORE." >&2; exit 1; }
  sleep 1
done

mc mb --ignore-existing store/files
for use in put get service; do
  mc admin policy create store "valetkey-$use" "/policies/s3-$use.json"
  mc admin user add store "valetkey-$use" "$MINIO_ROOT_PASSWORD-$use"
  mc admin policy attach store "valetkey-$use" --user "valetkey-$use" >/dev/null 2>&1 || true
done
echo "The bucket and its keys are there."
