#!/bin/sh
# Makes the bucket, and a user for each use who may do what its policy says and nothing else, with
# the secrets that deploy/compose/secrets.ts has made. It can run again and again.
set -eu

mc=/minio/mc
export MC_CONFIG_DIR=/tmp/mc
for attempt in $(seq 30); do
  "$mc" alias set store "$STORE" "$MINIO_ROOT_USER" "$MINIO_ROOT_PASSWORD" >/dev/null 2>&1 && break
  [ "$attempt" -lt 30 ] || { echo "There is no MinIO at $STORE." >&2; exit 1; }
  sleep 1
done

"$mc" mb --ignore-existing store/files
# user USE SECRET
user() {
  "$mc" admin policy create store "valetkey-$1" "/policies/s3-$1.json"
  "$mc" admin user add store "valetkey-$1" "$2"
  "$mc" admin policy attach store "valetkey-$1" --user "valetkey-$1" >/dev/null 2>&1 || true
}
user service "$STORAGE_SECRET_KEY"
user put "$STORAGE_PUT_SECRET_KEY"
user get "$STORAGE_GET_SECRET_KEY"
echo "The bucket and its keys are there."
