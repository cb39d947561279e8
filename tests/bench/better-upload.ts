import { handleRequest, RejectUpload, route, type Router } from "@better-upload/server";
import { minio } from "@better-upload/server/clients";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { createHash, timingSafeEqual } from "node:crypto";

// better-upload as its guide for Hono has it. It signs the PUT and no GET.

const TOKEN = createHash("sha256").update("x").digest();

const router: Router = {
  client: minio({
    endpoint: "http://127.0.0.1:9000",
    region: "us-east-1",
    accessKeyId: "access-key",
    secretAccessKey: "secret-key",
  }),
  bucketName: "files",
  routes: {
    files: route({
      fileTypes: ["image/png", "image/jpeg", "application/pdf", "text/plain"],
      maxFileSize: 10 * 1024 * 1024,
      signedUrlExpiresIn: 900,
      onBeforeUpload: ({ req }) => {
        const token = /^Bearer (.+)$/.exec(req.headers.get("authorization") ?? "")?.[1] ?? "";
        if (!timingSafeEqual(createHash("sha256").update(token).digest(), TOKEN)) {
          throw new RejectUpload("who are you?");
        }
      },
    }),
  },
};

const app = new Hono();
app.post("/upload", (c) => handleRequest(c.req.raw, router));

serve({ fetch: app.fetch, hostname: "127.0.0.1", port: Number(process.argv[2]) });
