import { generateKeyPairSync } from "node:crypto";
import { beforeAll, expect, it } from "vitest";
import { createBucket, startGcsVerifier } from "../google/store.ts";
import { freePort } from "../support/free-port.ts";
import { s3Client } from "../support/s3-store.ts";
import { need } from "../support/need.ts";
import { type Project, projectWith } from "../support/project.ts";
import { receiptKey } from "../support/receipt-key.ts";
import { snippetsOf } from "../support/snippets.ts";

// What docs/moving.md says of moving, done: from a proxied upload, and from one store
// to another. S3 is a real MinIO, through the AWS adapter; Cloud Storage is the double of it.

const minio = await need("minio");
const fakeGcs = await need("fakeGcs");
const snippets = snippetsOf("docs/moving.md");

/** What a host has anyway: users by their sessions, and a table of attachments. */
const YOURS = `
export const userOf = (cookie) => (cookie === "session=mia" ? { id: "mia" } : undefined);
export const attachments = [];
`;

/** The application of the second move, which knows its store by storage.js alone. */
const APPLICATION = `
import { createServer } from "node:http";
import { createValetkey } from "valetkey";
import { toNodeHandler } from "valetkey/node";
import { storage } from "./storage.js";
const valetkey = createValetkey({
  storage,
  publicUrl: process.env.PUBLIC_URL,
  organizations: (slug) => slug,
  authenticate: () => ({ id: "mia" }),
  receiptKeys: ["test:${receiptKey("test").toString("base64")}"],
});
createServer(toNodeHandler(valetkey)).listen(process.env.PORT, "127.0.0.1");
`;

let project: Project;
beforeAll(async () => {
  if (minio === undefined) return;
  project = await projectWith(["express@5.3.0"]);
  for (const [name, code] of snippets) project.write(name, code);
  project.write("yours.js", YOURS);
  project.write("application.js", APPLICATION);
  for (const name of ["@aws-sdk/client-s3", "@google-cloud/storage", "google-auth-library"]) {
    project.link(name);
  }
  // Another test has the same bucket, and may make it at the same time.
  const client = s3Client(minio);
  await client.makeBucket("files").catch(async (cause: unknown) => {
    if (!(await client.bucketExists("files"))) throw cause;
  });
});

/** Starts one of the snippets, and runs `lines` as a page of it would; gives what these tell. */
async function drive(
  server: string,
  lines: string,
  env: Readonly<Record<string, string>> = {},
): Promise<unknown> {
  const port = String(await freePort());
  project.write(
    "drive.js",
    `
    import { attachments } from "./yours.js";
    await import("./${server}");
    // What a browser does for a page of the host: it knows its address, and sends the cookie there.
    globalThis.location = new URL(process.env.PUBLIC_URL);
    const send = globalThis.fetch;
    globalThis.fetch = (url, init = {}) => {
      const headers = new Headers(init.headers);
      if (new URL(url).origin === location.origin) headers.set("Cookie", "session=mia");
      return send(url, { ...init, headers });
    };
    const call = (path, init) => fetch(location.origin + path, init);
    const { upload } = await import("./client.js");
    const file = new File(["the bytes of a picture"], "photo.png", { type: "image/png" });
    const until = async (path) => {
      for (;;) {
        try { return await call(path); } catch { await new Promise((done) => setTimeout(done, 20)); }
      }
    };
    await until("/");
    ${lines}
    console.log("told " + JSON.stringify(told));
    process.exit(0);
    `,
  );
  const { code, output } = await project.run(["node", "drive.js"], {
    env: {
      PORT: port,
      PUBLIC_URL: `http://127.0.0.1:${port}`,
      S3: minio?.endpoint ?? "",
      AWS_ACCESS_KEY_ID: minio?.accessKey ?? "",
      AWS_SECRET_ACCESS_KEY: minio?.secretKey ?? "",
      BUCKET: "files",
      ...env,
    },
  });
  expect(code, output).toBe(0);
  return JSON.parse(/^told (.*)$/m.exec(output)?.[1] ?? "null");
}

it("the page has the snippets that are tested here, and no others", () => {
  expect([...snippets.keys()]).toEqual(["before.js", "after.js", "client.js", "storage.js"]);
});

it.skipIf(minio === undefined)(
  "an upload that went through the host goes straight to the store",
  async () => {
    const before = await drive(
      "before.js",
      `
    const answer = await call("/upload", {
      method: "POST", headers: { "Content-Type": file.type }, body: file,
    });
    const told = [answer.status, attachments.map(({ type, user }) => [type, user])];
    `,
    );
    expect(before).toEqual([200, [["image/png", "mia"]]]);

    const after = await drive(
      "after.js",
      `
    const { key, getUrl } = await upload(file);
    const told = [
      await (await fetch(getUrl)).text(),
      attachments.map((of) => [of.key === key, of.type, of.user]),
      await upload(new File(["<html>"], "a.html", { type: "text/html" })).then(
        () => "granted",
        ({ code }) => code,
      ),
      (await send(location.origin + "/api/v1/orgs/team/files/presign", { method: "POST" })).status,
    ];
    `,
    );
    expect(after).toEqual(["the bytes of a picture", [[true, "image/png", "mia"]], "refused", 401]);
  },
);

it.skipIf(minio === undefined || fakeGcs === undefined)(
  "another store serves the same client, the same keys and the receipts in use",
  async () => {
    const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const account = "signer@project.iam.gserviceaccount.com";
    const bucket = `moved-${crypto.randomUUID()}`;
    const upstream = fakeGcs ?? "";
    await createBucket(upstream, bucket);
    const google = await startGcsVerifier({
      upstream,
      rsa: new Map([[account, publicKey]]),
      hmac: new Map(),
    });
    const gcs = {
      STORE: "gcs",
      BUCKET: bucket,
      GCS: `http://127.0.0.1:${google.port}`,
      GCS_CREDENTIALS: JSON.stringify({
        type: "service_account",
        client_email: account,
        private_key: privateKey.export({ type: "pkcs8", format: "pem" }),
        project_id: "project",
      }),
    };

    const [key, receipt, fileUrl, host] = (await drive(
      "application.js",
      `
      const ask = (action, body) => call("/api/v1/orgs/team/files/" + action, {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
      }).then((answer) => answer.json());
      const { fileUrl } = await upload(file);
      const { key, receipt, put_url, put_headers } = await ask("presign", {
        filename: file.name, content_type: file.type, size: file.size,
      });
      await fetch(put_url, { method: "PUT", headers: put_headers, body: file });
      const told = [key, receipt, new URL(fileUrl).pathname, new URL(put_url).host];
      `,
    )) as ReadonlyArray<string>;
    expect(host).toBe(new URL(minio?.endpoint ?? "").host);

    const confirm = `
      const confirm = async () => {
        const answer = await call("/api/v1/orgs/team/files/confirm", {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ receipt: ${JSON.stringify(receipt)} }),
        });
        return (await answer.json()).code ?? answer.status;
      };
      const read = async (path) => (await (await call(path)).text());
    `;
    const moved = `${confirm}
      const { getUrl } = await upload(file);
      const told = [
        new URL(getUrl).host, await (await fetch(getUrl)).text(), await confirm(),
      ];
    `;
    expect(await drive("application.js", moved, gcs)).toEqual([
      `127.0.0.1:${google.port}`,
      "the bytes of a picture",
      "UPLOAD_INCOMPLETE",
    ]);

    // What Storage Transfer Service does: the same bytes and type under the same key.
    const keyOfFile = `orgs/team/files/${fileUrl?.split("/files/")[1]}`;
    for (const name of [key ?? "", keyOfFile]) {
      const copied = await fetch(
        `${upstream}/upload/storage/v1/b/${bucket}/o?uploadType=media&name=${encodeURIComponent(name)}`,
        {
          method: "POST",
          headers: { "Content-Type": "image/png" },
          body: "the bytes of a picture",
        },
      );
      expect(copied.status).toBe(200);
    }
    const copied = `${confirm}
      const told = [await confirm(), await read(${JSON.stringify(fileUrl)})];
    `;
    expect(await drive("application.js", copied, gcs)).toEqual([200, "the bytes of a picture"]);
    await google.close();
  },
);
