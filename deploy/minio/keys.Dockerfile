# Makes the bucket and a key for each use in the MinIO of the compose file, then ends.
FROM node:24-bookworm-slim
COPY minio/mc /usr/local/bin/mc
COPY minio/keys.sh /keys.sh
COPY policies /policies
CMD ["sh", "/keys.sh"]
