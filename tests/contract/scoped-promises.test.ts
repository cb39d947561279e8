import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import { beforeAll, describe, expect, it } from "vitest";
import * as calls from "../../adapters/contract/scoped/s3-calls.ts";
import { scoped } from "../../adapters/contract/promises/scoped.ts";
import { serviceAccountCall } from "../../adapters/contract/sending/minio-admin.ts";
import { sendSigned } from "../../adapters/contract/sending/signed-call.ts";
import { reaching } from "../../adapters/contract/scoped/s3-reach.ts";
import { type BuiltStore, newSubject, openStore } from "../../adapters/contract/subject/subject.ts";
import type {
  CredentialsRequest,
  ScopedCredentials,
} from "../../application/ports/scoped-credentials.ts";
import { keysFor } from "../support/assume-role.ts";
import { need } from "../support/need.ts";
import { s3Client, s3Store } from "../support/s3-store.ts";

// The table of calls that certify tries with credentials for one prefix, on a real MinIO: what it
// sees of credentials that reach more than they should.

const server = await need("minio");
const bucket = `scoped-${crypto.randomUUID()}`;

let built: BuiltStore;
beforeAll(async () => {
  if (server === undefined) return undefined;
  const { endpoint, accessKey } = server;
  const keys = { accessKey, secretKey: Redacted.make(server.secretKey) };
  const layer = s3Store(endpoint, { bucket, createBucket: true, ...keys });
  const origins = { public: endpoint, internal: endpoint };
  const opened = await openStore({ name: "minio" }, async () => ({ layer, bucket, origins }));
  built = opened;
  return opened.close;
});

interface Statement {
  readonly Effect: "Allow" | "Deny";
  readonly Action: ReadonlyArray<string>;
  readonly Resource?: ReadonlyArray<string>;
  readonly Condition?: object;
}

const objects = (name: string) => [`arn:aws:s3:::${bucket}/${name}*`];
const BUCKET = [`arn:aws:s3:::${bucket}`];
const PUT = ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"];
const allow = (Action: ReadonlyArray<string>, Resource?: ReadonlyArray<string>): Statement => ({
  Effect: "Allow",
  Action,
  ...(Resource && { Resource }),
});
const put = (prefix: string) => allow(PUT, objects(prefix));

/** The store with credentials that a policy binds, of the statements for a prefix. */
const giving = (statements: (prefix: string) => ReadonlyArray<Statement>): BuiltStore => ({
  ...built,
  store: {
    ...built.store,
    credentials: ({ prefix }: CredentialsRequest) =>
      Effect.promise(async (): Promise<ScopedCredentials> => {
        if (server === undefined) throw new Error("there is no server");
        const policy = { Version: "2012-10-17", Statement: statements(prefix) };
        const keys = await keysFor(policy, server, { bucket });
        return {
          kind: "s3",
          bucket,
          endpoint: server.endpoint,
          region: "us-east-1",
          pathStyle: true,
          accessKeyId: keys.accessKey,
          secretAccessKey: Redacted.make(keys.secretKey),
          sessionToken: Redacted.make(keys.sessionToken),
          expiresAt: DateTime.makeUnsafe(0),
        };
      }),
  },
});

const [puts, objectCalls, names, copies, lists, settings, headers, ends] = scoped.map(
  ({ title }) => title,
);

/** Promises that are broken, of these, with the first call that shows it. */
async function broken(
  store: BuiltStore,
  titles: ReadonlyArray<string> = scoped.map(({ title }) => title),
): Promise<ReadonlyArray<readonly [string, string]>> {
  const found: Array<readonly [string, string]> = [];
  for (const { title, check } of scoped.filter(({ title }) => titles.includes(title))) {
    const why = await check(newSubject(store)).then(
      () => undefined,
      (cause: Error) => cause.message.split("\n")[0] ?? "",
    );
    if (why !== undefined) found.push([title, why]);
  }
  return found;
}

describe.skipIf(server === undefined)("credentials for one prefix", () => {
  it("are kept to it by a policy that allows to put there", async () => {
    expect(await broken(giving((prefix) => [put(prefix)]))).toEqual([]);
  });

  it.each<
    [
      what: string,
      (prefix: string) => ReadonlyArray<Statement>,
      ReadonlyArray<readonly [string | undefined, unknown]>,
    ]
  >([
    [
      "one star too wide, without the last slash",
      (prefix) => [put(prefix.slice(0, -1))],
      [[names, expect.stringMatching(/^PUT BUCKET\/PLAIN <CONTENT: the store answered with 200$/)]],
    ],
    [
      "one folder too wide",
      (prefix) => [put(prefix.replace(/[^/]+\/$/, ""))],
      [[names, expect.stringContaining("it changed the object of other credentials")]],
    ],
    [
      "one that lets them read what they have put",
      (prefix) => [put(prefix), allow(["s3:GetObject"], objects(prefix))],
      [
        [objectCalls, "GET BUCKET/OWN: the store answered with 200"],
        [copies, expect.stringContaining("x-amz-copy-source=/BUCKET/OWN: it is copied")],
      ],
    ],
    [
      "one that lets them read everything",
      (prefix) => [put(prefix), allow(["s3:GetObject"], objects(""))],
      [
        [objectCalls, "GET BUCKET/VICTIM: the answer has what is of others"],
        [copies, expect.stringContaining("x-amz-copy-source=/BUCKET/VICTIM: it is copied")],
      ],
    ],
    [
      "one that lets them remove",
      (prefix) => [put(prefix), allow(["s3:DeleteObject"], objects(prefix))],
      [[objectCalls, "POST BUCKET?delete <REMOVAL: the store answered with 200"]],
    ],
    [
      "one that lets them tag",
      (prefix) => [put(prefix), allow(["s3:PutObjectTagging"], objects(prefix))],
      [[objectCalls, "PUT BUCKET/OWN?tagging <TAGGING: the store answered with 200"]],
    ],
    [
      "one that forgets the condition of the list",
      (prefix) => [put(prefix), allow(["s3:ListBucket"], BUCKET)],
      [[lists, "GET BUCKET: the answer has what is of others"]],
    ],
    [
      "one that binds the list by a condition, which MinIO reads from a header too",
      (prefix) => [
        put(prefix),
        {
          ...allow(["s3:ListBucket"], BUCKET),
          Condition: { StringLike: { "s3:prefix": `${prefix}*` } },
        },
      ],
      [[lists, "GET BUCKET prefix=PREFIX: the answer has what is of others"]],
    ],
    [
      "one that lets them list uploads in parts",
      (prefix) => [put(prefix), allow(["s3:ListBucketMultipartUploads"], BUCKET)],
      [[lists, expect.stringMatching(/^GET BUCKET\?uploads: /)]],
    ],
    [
      "one that lets them read settings",
      (prefix) => [put(prefix), allow(["s3:GetBucketVersioning"], BUCKET)],
      [[settings, "GET BUCKET?versioning: the store answered with 200"]],
    ],
    [
      "one that lets them write settings",
      (prefix) => [put(prefix), allow(["s3:PutBucketPolicy"], BUCKET)],
      [[settings, "PUT BUCKET?policy <SETTINGS: the store answered with 204"]],
    ],
    [
      "one that lets them make buckets",
      (prefix) => [put(prefix), allow(["s3:CreateBucket"], ["arn:aws:s3:::*"])],
      [[settings, expect.stringMatching(/^PUT (?:BUCKET|ELSEWHERE): /)]],
    ],
    [
      "one that lets them give out others",
      (prefix) => [put(prefix), allow(["admin:CreateServiceAccount"])],
      [[ends, "PUT minio/admin/v3/add-service-account: the store answered with 200"]],
    ],
    [
      "one that allows no uploads in parts",
      (prefix) => [allow(["s3:PutObject"], objects(prefix))],
      [[puts, "GET BUCKET/OWN?uploadId=UPLOAD: the store answered with 403"]],
    ],
    [
      "one that allows everything",
      () => [allow(["s3:*"], ["arn:aws:s3:::*"])],
      [objectCalls, names, copies, lists, settings, headers].map(
        (title) => [title, expect.any(String)] as const,
      ),
    ],
  ])("are seen to reach more by a policy that is %s", async (_, statements, expected) => {
    const titles = expected.map(([title]) => `${title}`);
    expect(await broken(giving(statements), titles)).toEqual(expected);
  });

  it("leave nothing behind that a table has tried, also where too much was allowed", async () => {
    await broken(giving(() => [allow(["s3:*"], ["arn:aws:s3:::*"]), allow(["admin:*"])]));
    if (server === undefined) return;
    const client = s3Client(server);
    const left = await client.listObjects(bucket, "incoming/", true).toArray();
    expect(left).toEqual([]);
    expect(await client.bucketExists(`${bucket}-elsewhere`)).toBe(false);
    await expect(client.getBucketPolicy(bucket)).rejects.toThrow("policy");
  });

  it("are tried by calls that the server knows, so that a refusal is one", async () => {
    const store = giving(() => [allow(["s3:*"], ["arn:aws:s3:::*"]), allow(["admin:*"])]);
    await reaching(newSubject(store), async ({ granted, values }) => {
      const unknown: Array<string> = [];
      for (const line of calls.OBJECT_CALLS) {
        // Each needs the object, which some of them remove.
        const KEY = `${values["PREFIX"]}${crypto.randomUUID()}`;
        const at = { ...values, KEY };
        await sendSigned(granted, calls.callIn("PUT BUCKET/KEY <CONTENT", at));
        const { ok } = await sendSigned(granted, calls.callIn(line, at));
        if (!ok) unknown.push(line);
      }
      // It has no locks in this bucket, no ACLs, and nothing to restore.
      expect(unknown).toEqual(
        calls.OBJECT_CALLS.filter((line) =>
          /legal-hold|retention|torrent|restore|PUT.*acl/.test(line),
        ),
      );
      const account = serviceAccountCall(granted.secretKey, "valetkey-known");
      expect((await sendSigned(granted, account)).status).toBe(200);
    });
  });

  it("are tried by more than 160 different calls", () => {
    const lines = [
      calls.OBJECT_CALLS,
      calls.ELSEWHERE_CALLS,
      calls.FOREIGN_UPLOADS,
      calls.COPYING_CALLS,
      calls.SPELLED_CALLS,
      calls.REFUSED_LISTS,
      calls.BOUND_LISTS,
      calls.HARMLESS_CALLS,
      calls.REFUSED_CALLS,
      calls.IAM_CALLS,
      Object.keys(calls.SUBRESOURCES).flatMap((each) => [`GET ?${each}`, `PUT ?${each}`]),
    ].flat();
    expect(new Set(lines).size).toBeGreaterThan(160);
  });
});
