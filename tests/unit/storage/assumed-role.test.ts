import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import type { ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { afterEach, expect, it, vi } from "vitest";
import { getRequest, newKey, putRequest } from "../../../adapters/contract/sending/uploads.ts";
import { layer as aws } from "../../../adapters/storage/aws/layer.ts";
import type { S3Settings } from "../../../adapters/storage/s3/settings.ts";
import { scopedPolicy } from "../../../adapters/storage/sts/scoped-policy.ts";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { Presigner } from "../../../application/ports/presigner.ts";
import { quiet } from "../../support/s3-store.ts";
import { serve } from "../../support/serve.ts";

// A double of AWS's STS, which is not ours to run: it gives temporary keys to whoever names the
// external id.

const ROLE = "arn:aws:iam::123456789012:role/valetkey";
const EXTERNAL_ID = "org_1-5b0f8c1e";

afterEach(() => vi.unstubAllEnvs());

async function startSts() {
  const asked: Array<Readonly<Record<string, string>>> = [];
  const url = await serve(async (request, response) => {
    const form = Object.fromEntries(new URLSearchParams(await text(request)));
    asked.push(form);
    if (form["ExternalId"] !== EXTERNAL_ID) refuse(response);
    else if (Number(form["DurationSeconds"] ?? 0) > 3600) refuseTime(response);
    else give(response, asked.length);
  });
  vi.stubEnv("AWS_ENDPOINT_URL_STS", url.href);
  return asked;
}

const give = (response: ServerResponse, number: number) =>
  response.setHeader("Content-Type", "text/xml").end(
    `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
      <AccessKeyId>ASIA${number}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>
      <SessionToken>token-${number}</SessionToken>
      <Expiration>${new Date(Date.now() + 3_600_000).toISOString()}</Expiration>
    </Credentials></AssumeRoleResult></AssumeRoleResponse>`,
  );

const refuse = (
  response: ServerResponse,
  status = 403,
  code = "AccessDenied",
  message = "User: arn:aws:iam::1:role/us is not authorized",
) =>
  response.writeHead(status, { "Content-Type": "text/xml" }).end(
    `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
      <Code>${code}</Code><Message>${message}</Message>
    </Error></ErrorResponse>`,
  );
const refuseTime = (response: ServerResponse) =>
  refuse(
    response,
    400,
    "ValidationError",
    "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
  );

const SETTINGS: S3Settings = {
  provider: "aws",
  bucket: "files",
  createBucket: false,
  region: "eu-central-1",
  pathStyle: false,
  accessKey: "AKIAIOSFODNN7EXAMPLE",
  secretKey: Redacted.make("ours"),
  role: ROLE,
  externalId: EXTERNAL_ID,
};

const sign = (over: Partial<S3Settings>) =>
  Presigner.use(({ put, get }) => {
    const key = newKey();
    return Effect.all([put(putRequest(key)), get(getRequest(key))]);
  }).pipe(
    Effect.map((signed) => signed.map(({ url }) => new URL(url).searchParams)),
    Effect.provide(Layer.provide(aws({ ...SETTINGS, ...over }), quiet)),
  );

it("one role is assumed by its external id, and signs uploads and downloads with keys for that alone", async () => {
  const asked = await startSts();
  const [put, get] = await Effect.runPromise(sign({}));
  const keys = [put, get].map((query) => query?.get("X-Amz-Credential")?.split("/")[0]);
  expect(new Set(keys).size).toBe(2);
  for (const key of keys) expect(key).toMatch(/^ASIA\d$/);
  for (const form of asked) {
    expect(form).toMatchObject({ Action: "AssumeRole", RoleArn: ROLE, ExternalId: EXTERNAL_ID });
  }
  const allowed = asked.map(({ RoleSessionName = "", Policy }) => [
    RoleSessionName,
    Policy && JSON.parse(Policy).Statement[0],
  ]);
  expect(Object.fromEntries(allowed)).toEqual({
    valetkey: undefined,
    "valetkey-put": {
      Sid: "Put",
      Effect: "Allow",
      Action: ["s3:PutObject"],
      Resource: ["arn:aws:s3:::files/orgs/*", "arn:aws:s3:::files/incoming/*"],
    },
    "valetkey-get": {
      Sid: "Get",
      Effect: "Allow",
      Action: ["s3:GetObject", "s3:GetObjectVersion"],
      Resource: ["arn:aws:s3:::files/orgs/*"],
    },
  });
  // What AWS takes for a policy of a session.
  for (const { Policy = "" } of asked) expect(Policy.length).toBeLessThan(2048);
});

it("a role for uploads is assumed by the role for everything", async () => {
  const asked = await startSts();
  await Effect.runPromise(sign({ putRole: `${ROLE}-put` }));
  const uploads = asked.filter(({ RoleArn }) => RoleArn?.endsWith("-put"));
  expect(uploads).toHaveLength(1);
  expect(uploads[0]?.["Policy"]).toBeUndefined();
});

it("a role that is not to be assumed is named with what its owner has to allow", async () => {
  await startSts();
  const failure = await Effect.runPromise(Effect.flip(sign({ externalId: "another" })));
  expect(failure).toMatchObject({ _tag: "CredentialsUnavailable" });
  const { reason } = failure as { readonly reason: string };
  expect(reason).toContain(`the role ${ROLE} was not assumed: its owner has to allow that`);
  expect(reason).toContain("valetkey policy trust");
  expect(reason).not.toContain("ours");
});

const PREFIX = "incoming/credentials/org_1/3f0c1f0e-7d0b-4d0b-9c57-4c2a4f1c7f11/";

/** Asks for temporary credentials, as if a certificate proved what they may do. */
const issue = (over: Partial<S3Settings>, hours = 1) =>
  Effect.gen(function* () {
    const { credentials } = yield* ObjectStore;
    if (credentials === undefined) return "none";
    const lifetime = Duration.hours(hours);
    return yield* credentials({ prefix: PREFIX, lifetime, audience: "public" });
  }).pipe(Effect.provide(aws({ ...SETTINGS, ...OFFERED, ...over })), Effect.provide(quiet));
const OFFERED = { certificate: { abilities: new Set(["scoped credentials" as const]) } };

/** What was asked for tools; the service has sessions of its own. */
const forTools = (asked: Awaited<ReturnType<typeof startSts>>) =>
  asked.filter(({ RoleSessionName }) => RoleSessionName === "valetkey-credentials");

it("temporary credentials are a session of the role that may only put below one prefix", async () => {
  const asked = await startSts();
  const issued = await Effect.runPromise(issue({}));
  expect(issued).toMatchObject({
    kind: "s3",
    bucket: "files",
    endpoint: "https://s3.eu-central-1.amazonaws.com",
    region: "eu-central-1",
    pathStyle: false,
    accessKeyId: `ASIA${asked.indexOf(forTools(asked)[0] ?? {}) + 1}`,
  });
  const [{ RoleArn, DurationSeconds, Policy = "" } = {}] = forTools(asked);
  expect([RoleArn, DurationSeconds]).toEqual([ROLE, "3600"]);
  expect(JSON.parse(Policy)).toEqual(
    scopedPolicy({ bucket: "files", prefix: PREFIX, lists: true, kms: true }),
  );
});

it("temporary credentials end after an hour where the role gives none for longer", async () => {
  const asked = await startSts();
  expect(await Effect.runPromise(issue({}, 12))).toMatchObject({ kind: "s3" });
  expect(forTools(asked).map(({ DurationSeconds }) => DurationSeconds)).toEqual(["43200", "3600"]);
});

it("a role for temporary credentials is assumed by the role for everything", async () => {
  const asked = await startSts();
  const china = "arn:aws-cn:iam::123456789012:role/tools";
  await Effect.runPromise(issue({ credentialsRole: china }));
  const [{ RoleArn, Policy } = {}] = forTools(asked);
  expect(RoleArn).toBe(china);
  expect(Policy).toContain(`arn:aws-cn:s3:::files/${PREFIX}*`);
});

it.each([
  ["without a role", { role: undefined, externalId: undefined }],
  ["of a directory bucket", { bucket: "files--euc1-az1--x-s3" }],
])("there are no temporary credentials %s", async (_, over) => {
  await startSts();
  expect(await Effect.runPromise(issue(over))).toBe("none");
});

it("a role that is not to be assumed for tools is named", async () => {
  await startSts();
  const failure = await Effect.runPromise(Effect.flip(issue({ externalId: "another" })));
  expect(failure).toMatchObject({ _tag: "StoreUnavailable" });
  const { reason } = failure as { readonly reason: string };
  expect(reason).toContain(`the role ${ROLE} was not assumed: its owner has to allow that`);
});
