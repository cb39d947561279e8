import { Client } from "minio";
import type { MinioServer } from "./minio.ts";

/** The client of MinIO for a server. */
export function clientOf({ endpoint, accessKey, secretKey }: MinioServer): Client {
  const { hostname, port } = new URL(endpoint);
  return new Client({
    endPoint: hostname,
    port: Number(port),
    useSSL: false,
    accessKey,
    secretKey,
  });
}

/** The region of the second server, and the one origin that it allows. */
