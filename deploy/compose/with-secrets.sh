#!/bin/sh
# Runs a command with the secrets that secrets.ts has made:
#   docker compose -f deploy/compose.seaweedfs.yaml exec valetkey sh /compose/with-secrets.sh valetkey doctor
set -aeu
. "/data/${RUN_AS:-valetkey}.env"
exec "$@"
