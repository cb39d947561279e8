import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import { describe, expect, it, onTestFinished } from "vitest";
import { credentials as examineCredentials } from "../../adapters/cli/doctor/credentials.ts";
import { openDoctor } from "../../adapters/cli/doctor/doctor.ts";
import type { Finding } from "../../adapters/cli/doctor/finding.ts";
import type { S3Settings } from "../../adapters/storage/s3/settings.ts";
import { PROVIDERS } from "../../adapters/storage/s3/providers.ts";
import type { ObjectStore } from "../../application/ports/object-store.ts";
import type { Audience } from "../../application/ports/presigner.ts";
import { credentialsPrefix } from "../../domain/credentials-grant.ts";
import { OrganizationId } from "../../domain/organization.ts";
import { keysFor } from "../support/assume-role.ts";
import { STRICT } from "../support/minio.ts";
import { need } from "../support/need.ts";
import { openBucket, s3Store } from "../support/s3-store.ts";

const server = await need("minio");
const strict = await need("strictMinio");

/** As if the certificate of the server proved it. */
const OFFERED = {
  certificate: {
    abilities: new Set([...PROVIDERS.minio.abilities, "scoped credentials" as const]),
  },
};
const PREFIX = credentialsPrefix({
  organization: OrganizationId.make("org_1"),
  id: "3f0c1f0e-7d0b-4d0b-9c57-4c2a4f1c7f11",
});

const issue = (store: ObjectStore["Service"], audience: Audience = "public") =>
  Effect.suspend(
    () =>
      store.credentials?.({ prefix: PREFIX, lifetime: Duration.minutes(20), audience }) ??
      Effect.die("the store gives none"),
  );

/** Opens a bucket, and a client of a tool that has temporary credentials for one prefix of it. */
async function openTool(
  of: Parameters<typeof openBucket>[0] = server,
  over: Partial<S3Settings> = {},
) {
  const opened = await openBucket(of, { ...OFFERED, ...over });
  const issued = await Effect.runPromise(issue(opened.store));
  if (issued.kind !== "s3") throw new Error("these are credentials of another API");
  const { endpoint, region, pathStyle, accessKeyId } = issued;
  const tool = new S3Client({
    endpoint,
    region,
    forcePathStyle: pathStyle,
    maxAttempts: 1,
    credentials: {
      accessKeyId,
      secretAccessKey: Redacted.value(issued.secretAccessKey),
      sessionToken: Redacted.value(issued.sessionToken),
    },
  });
  onTestFinished(() => tool.destroy());
  return { ...opened, issued, tool, at: (name: string) => at(opened.bucket, PREFIX + name) };
}

const OWN_KEY = { from: "the key", secret: "the secret", token: "the token", mend: "use another" };
const DOCTORS: Parameters<typeof openDoctor>[0] = {
  names: { service: OWN_KEY, put: OWN_KEY, get: OWN_KEY },
  origins: [],
  largest: 1,
  incoming: 1,
  isDirect: false,
  hasTools: true,
  isEmbedded: false,
  mayLeave: false,
};

const at = (Bucket: string, Key: string) => ({ Bucket, Key });
const statusOf = (call: Promise<unknown>) =>
  call.then(
    () => "done",
    (cause: { readonly $metadata?: { readonly httpStatusCode?: number } }) =>
      cause.$metadata?.httpStatusCode,
  );

describe.skipIf(server === undefined)("temporary credentials of MinIO", () => {
  it("are not given unless a certificate proves what they may do", async () => {
    const { store } = await openBucket(server, {
      certificate: { abilities: new Set(["sha256"]) },
    });
    expect(store.credentials).toBeUndefined();
  });

  it("put, also in parts, and abort below their prefix", async () => {
    const { tool, at, client, bucket, issued } = await openTool();
    expect(issued).toMatchObject({ bucket, region: "us-east-1", pathStyle: true });
    await tool.send(new PutObjectCommand({ ...at("a/b.txt"), Body: "hello" }));
    const parts = at("c.bin");
    const { UploadId } = await tool.send(new CreateMultipartUploadCommand(parts));
    const part = { ...parts, UploadId, PartNumber: 1 };
    const { ETag } = await tool.send(new UploadPartCommand({ ...part, Body: "part" }));
    const listed = await tool.send(new ListPartsCommand({ ...parts, UploadId }));
    expect(listed.Parts).toHaveLength(1);
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
    await tool.send(new CompleteMultipartUploadCommand({ ...parts, UploadId, MultipartUpload }));
    const begun = await tool.send(new CreateMultipartUploadCommand(at("d.bin")));
    const { UploadId: aborted } = begun;
    await tool.send(new AbortMultipartUploadCommand({ ...at("d.bin"), UploadId: aborted }));
    expect(await client.listIncompleteUploads(bucket, "", true).toArray()).toEqual([]);
    const stored = (await client.listObjectsV2(bucket, "", true).toArray()) as Array<object>;
    expect(stored).toMatchObject([{ name: `${PREFIX}a/b.txt` }, { name: `${PREFIX}c.bin` }]);
  });

  it("do not read, remove, list, copy, tag or set a class, nor write elsewhere", async () => {
    const { tool, at: inside, client, bucket } = await openTool();
    await client.putObject(bucket, "orgs/secret", "secret");
    await tool.send(new PutObjectCommand({ ...inside("a"), Body: "hello" }));
    const own = inside("a");
    const put = { ...inside("b"), Body: "hello" };
    const list = (Prefix: string) => new ListObjectsV2Command({ Bucket: bucket, Prefix });
    const copy = (source: string) =>
      new CopyObjectCommand({ ...inside("b"), CopySource: `${bucket}/${source}` });
    for (const [what, call] of [
      ["read", () => tool.send(new GetObjectCommand(own))],
      ["look", () => tool.send(new HeadObjectCommand(own))],
      ["remove", () => tool.send(new DeleteObjectCommand(own))],
      ["list", () => tool.send(list(PREFIX))],
      ["list outside", () => tool.send(list("orgs/"))],
      ["copy", () => tool.send(copy("orgs/secret"))],
      ["copy its own", () => tool.send(copy(`${PREFIX}a`))],
      ["tag", () => tool.send(new PutObjectCommand({ ...put, Tagging: "a=b" }))],
      [
        "class",
        () => tool.send(new PutObjectCommand({ ...put, StorageClass: "REDUCED_REDUNDANCY" })),
      ],
      ["elsewhere", () => tool.send(new PutObjectCommand({ ...at(bucket, "orgs/b"), Body: "" }))],
      [
        "beside",
        () => tool.send(new PutObjectCommand({ ...at(bucket, PREFIX.slice(0, -1)), Body: "" })),
      ],
    ] as const) {
      expect([what, await statusOf(call())]).toEqual([what, 403]);
    }
    expect(await client.listObjectsV2(bucket, "", true).toArray()).toHaveLength(2);
  });

  it("come from the region that the server has", async () => {
    const region = STRICT.region;
    const known = strict && { ...strict, region };
    const { tool, at, issued } = await openTool(known, { region });
    expect(issued).toMatchObject({ region });
    await tool.send(new PutObjectCommand({ ...at("a"), Body: "hello" }));
    const { store } = await openBucket(known, OFFERED);
    const refused = await Effect.runPromise(Effect.flip(issue(store)));
    expect(refused.reason).toContain("the store gave no temporary credentials (");
  });

  it("have the endpoint of those who use them", async () => {
    const publicEndpoint = new URL(server?.endpoint ?? "");
    publicEndpoint.hostname = "localhost";
    const { store, issued } = await openTool(server, { publicEndpoint });
    expect(issued.endpoint).toBe(publicEndpoint.origin);
    const internal = await Effect.runPromise(issue(store, "internal"));
    expect(internal.endpoint).toBe(server?.endpoint);
  });

  it.each([
    ["passed", "tools get temporary credentials for one prefix", STRICT.region],
    ["failed", "tools get no temporary credentials: the store gave", "us-east-1"],
  ])("are tried by the doctor, which has %s: %s", async (verdict, seen, region) => {
    const keys = {
      accessKey: strict?.accessKey,
      secretKey: Redacted.make(strict?.secretKey ?? ""),
    };
    const store = s3Store(strict?.endpoint ?? "", { ...OFFERED, ...keys, region });
    const findings: Array<Finding> = [];
    await openDoctor(DOCTORS, (finding) => findings.push(finding)).pipe(
      Effect.flatMap(examineCredentials),
      Effect.provide(store),
      Effect.runPromise,
    );
    expect(findings.at(-1)).toMatchObject({ verdict, seen: expect.stringContaining(seen) });
  });

  it("cannot come from a key that is temporary itself, which is told", async () => {
    const bucket = "files";
    const all = [{ Effect: "Allow", Action: ["s3:*"], Resource: ["arn:aws:s3:::*"] }];
    if (server === undefined) throw new Error("there is no MinIO");
    const keys = await keysFor({ Version: "2012-10-17", Statement: all }, server, { bucket });
    const { store } = await openBucket(server, {
      ...OFFERED,
      ...keys,
      secretKey: Redacted.make(keys.secretKey),
      sessionToken: Redacted.make(keys.sessionToken),
    });
    const { reason } = await Effect.runPromise(Effect.flip(issue(store)));
    expect(reason).toContain("its key must be of a user, or the root user's");
    expect(reason).not.toContain(keys.secretKey);
    expect(reason).not.toContain(keys.sessionToken);
  });
});
