import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  ListPartsCommand,
  S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { handleRequest, route } from "@better-upload/server";
import { custom } from "@better-upload/server/clients";
import { FileStore } from "@tus/file-store";
import { Server } from "@tus/server";
import { generateClientTokenFromReadWriteToken } from "@vercel/blob/client";
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { buffer, text } from "node:stream/consumers";
import { rolldown } from "rolldown";
import type { MinioServer } from "../../support/minio.ts";

/** What the other clients need: their own servers, and signatures for a MinIO. */
export async function otherServers(minio: MinioServer, folder: string) {
  const { endpoint, accessKey, secretKey } = minio;
  const credentials = { accessKeyId: accessKey, secretAccessKey: secretKey };
  const bucket = `lines-${randomUUID()}`;
  const s3 = new S3Client({ endpoint, credentials, region: "us-east-1", forcePathStyle: true });
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  const tus = new Server({ path: "/tus", datastore: new FileStore({ directory: folder }) });
  const better = {
    client: custom({
      host: new URL(endpoint).host,
      ...credentials,
      region: "us-east-1",
      secure: false,
      forcePathStyle: true,
    }),
    bucketName: bucket,
    routes: {
      files: route({
        multipart: true,
        partSize: 5 * 2 ** 20,
        maxFileSize: 2 ** 30,
        signedUrlExpiresIn: 3600,
      }),
    },
  };
  /** The file of each name, and the parts of each upload, of Vercel's interface. */
  const blobs = new Map<string, Buffer>();
  const parts = new Map<string, Map<number, Buffer>>();

  const sign = async (asked: Asked) => {
    const at = { Bucket: bucket, Key: asked.key };
    const part = { ...at, UploadId: asked.uploadId, PartNumber: asked.partNumber };
    if (asked.method === "GET") return getSignedUrl(s3, new ListPartsCommand(part));
    if (asked.method === "PUT") return getSignedUrl(s3, new UploadPartCommand(part));
    return asked.uploadId
      ? getSignedUrl(s3, new CompleteMultipartUploadCommand(part))
      : getSignedUrl(s3, new CreateMultipartUploadCommand(at));
  };

  /** The endpoints that its client calls for a file in parts. */
  const blob = async (request: IncomingMessage): Promise<object> => {
    const { headers, url = "" } = request;
    const pathname = new URL(url, "http://here").searchParams.get("pathname") ?? "";
    const id = `${headers["x-mpu-upload-id"]}`;
    switch (headers["x-mpu-action"]) {
      case "create": {
        const uploadId = randomUUID();
        parts.set(uploadId, new Map());
        return { key: pathname, uploadId };
      }
      case "upload": {
        const number = Number(headers["x-mpu-part-number"]);
        parts.get(id)?.set(number, await buffer(request));
        return { etag: `"${number}"` };
      }
      default: {
        const named: ReadonlyArray<{ readonly partNumber: number }> = JSON.parse(
          await text(request),
        );
        const sorted = named.toSorted((a, b) => a.partNumber - b.partNumber);
        const all = sorted.map(
          ({ partNumber }) => parts.get(id)?.get(partNumber) ?? Buffer.alloc(0),
        );
        blobs.set(pathname, Buffer.concat(all));
        return {
          url: `http://here/${pathname}`,
          downloadUrl: "",
          pathname,
          contentType: "",
          contentDisposition: "",
          etag: "",
        };
      }
    }
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { url = "" } = request;
    if (url.startsWith("/tus")) return tus.handle(request, response);
    response.setHeader("Content-Type", "application/json");
    if (url === "/settings") {
      response.end(JSON.stringify({ endpoint, bucket, credentials }));
    } else if (url === "/sign") {
      response.end(JSON.stringify({ url: await sign(JSON.parse(await text(request))) }));
    } else if (url.startsWith("/better")) {
      const init = {
        method: "POST",
        body: await text(request),
        headers: { "Content-Type": "application/json" },
      };
      const answered = await handleRequest(new Request(`http://here${url}`, init), better);
      response.writeHead(answered.status).end(await answered.text());
    } else if (url === "/blob") {
      const { payload } = JSON.parse(await text(request));
      const clientToken = await generateClientTokenFromReadWriteToken({
        token: "vercel_blob_rw_here_secret",
        pathname: payload.pathname,
      });
      response.end(JSON.stringify({ type: "blob.generate-client-token", clientToken }));
    } else {
      response.end(JSON.stringify(await blob(request)));
    }
  };

  return {
    answer: (request: IncomingMessage, response: ServerResponse) =>
      answer(request, response).catch(() => response.destroy()),
    read: async (by: string, place: string): Promise<Uint8Array> => {
      if (by === "tus-js-client") return readFile(join(folder, basename(place)));
      if (by === "@vercel/blob") return blobs.get(place) ?? Buffer.alloc(0);
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: place }));
      return (await Body?.transformToByteArray()) ?? Buffer.alloc(0);
    },
  };
}

interface Asked {
  readonly method: string;
  readonly key: string;
  readonly uploadId?: string;
  readonly partNumber?: number;
}

/** Others.ts for a page, and what it imports. */
export async function bundleOthers(): Promise<ReadonlyMap<string, string>> {
  const bundle = await rolldown({
    input: new URL("others.ts", import.meta.url).pathname,
    platform: "browser",
    transform: {
      define: {
        "process.env.NODE_ENV": '"production"',
        "process.env.VERCEL_BLOB_API_URL": "globalThis.location.origin",
      },
    },
    onLog: () => undefined,
  });
  const { output } = await bundle.generate({ format: "es" });
  await bundle.close();
  return new Map(
    output.flatMap((chunk) => (chunk.type === "chunk" ? [[chunk.fileName, chunk.code]] : [])),
  );
}
