import { S3Client } from "@aws-sdk/client-s3";
import { SignatureV4 } from "@smithy/signature-v4";
import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import type { ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";
import type { S3Settings } from "../../../adapters/storage/s3/settings.ts";
import { scopedPolicy } from "../../../adapters/storage/sts/scoped-policy.ts";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import type { Audience } from "../../../application/ports/presigner.ts";
import { serve } from "../../support/serve.ts";
import { s3Store } from "../../support/s3-store.ts";

// A double of a store that gives sessions: what its answers may be is not ours to choose. Real ones
// are in tests/contract/scoped-credentials.test.ts.

const PREFIX = "incoming/credentials/org_1/3f0c1f0e-7d0b-4d0b-9c57-4c2a4f1c7f11/";
const END = "2030-01-02T03:04:05Z";
const GIVEN = {
  AccessKeyId: "ASIA1",
  SecretAccessKey: "a+secret/&amp;",
  SessionToken: "a&lt;token",
  Expiration: END,
};

interface Asked {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const xml = (members: object) =>
  `<AssumeRoleResponse><AssumeRoleResult><Credentials>${Object.entries(members)
    .map(([name, value]) => `<${name}>${value}</${name}>`)
    .join("\n")}</Credentials></AssumeRoleResult></AssumeRoleResponse>`;

/** A server of S3's API, and what it was asked for sessions. */
async function startStore(answer: (response: ServerResponse) => void) {
  const asked: Array<Asked> = [];
  const url = await serve(async (request, response) => {
    const body = await text(request);
    if (request.method !== "POST") return void response.writeHead(404).end();
    const headers = request.headers as Asked["headers"];
    asked.push({ method: request.method, url: request.url, headers, body });
    return answer(response);
  });
  return { url, asked };
}

const certificate = { abilities: new Set(["scoped credentials" as const]) };

const issue = (
  endpoint: URL,
  over: Partial<S3Settings> = {},
  { seconds = 1200, audience = "public" }: { seconds?: number; audience?: Audience } = {},
) =>
  ObjectStore.use(
    ({ credentials }) =>
      credentials?.({ prefix: PREFIX, lifetime: Duration.seconds(seconds), audience }) ??
      Effect.die("the store gives none"),
  ).pipe(Effect.provide(s3Store(endpoint, { certificate, ...over })));
const given = (...asked: Parameters<typeof issue>) => Effect.runPromise(issue(...asked));
const refused = (...asked: Parameters<typeof issue>) =>
  Effect.runPromise(Effect.flip(issue(...asked)));

/** Their own hash. */
const SHA256 = new S3Client({ region: "us-east-1" }).config.sha256;

/** What the official signer says to a request that was received. */
async function officialSignature({ method = "", headers, body }: Asked, region: string) {
  const signer = new SignatureV4({
    service: "sts",
    region,
    credentials: { accessKeyId: "key", secretAccessKey: "secret" },
    sha256: SHA256,
  });
  const { authorization: _, ...rest } = headers;
  const named = /SignedHeaders=([^,]+)/.exec(headers["authorization"] ?? "")?.[1]?.split(";") ?? [];
  const signed = Object.fromEntries(Object.entries(rest).filter(([name]) => named.includes(name)));
  const at = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(headers["x-amz-date"] ?? "") ?? [];
  const [, year, month, day, hour, minute, second] = at;
  const { headers: made } = await signer.sign(
    { protocol: "http:", hostname: "x", method, path: "/", headers: signed, body },
    { signingDate: new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`) },
  );
  return made["authorization"];
}

it("a session is asked for as the official signer does, for as long as it is needed", async () => {
  const { url, asked } = await startStore((response) => response.end(xml(GIVEN)));
  const sessionToken = Redacted.make("ours");
  const session = await given(url, { region: "eu-west-9", sessionToken });
  if (session.kind !== "s3") throw new Error("these are credentials of another API");
  const [request = expect.unreachable()] = asked;
  expect([request.url, request.headers["x-amz-security-token"]]).toEqual(["/", "ours"]);
  const { Policy = "", ...form } = Object.fromEntries(new URLSearchParams(request.body));
  expect(form).toEqual({
    Action: "AssumeRole",
    Version: "2011-06-15",
    DurationSeconds: "1200",
    RoleSessionName: "valetkey-credentials",
  });
  expect(JSON.parse(Policy)).toEqual(
    scopedPolicy({ bucket: "files", prefix: PREFIX, lists: false }),
  );
  expect(request.headers["authorization"]).toBe(await officialSignature(request, "eu-west-9"));
  for (const name of ["host", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"]) {
    expect(request.headers["authorization"]).toMatch(new RegExp(`[=;]${name}[;,]`));
  }
  expect({
    ...session,
    secretAccessKey: Redacted.value(session.secretAccessKey),
    sessionToken: Redacted.value(session.sessionToken),
    expiresAt: DateTime.formatIso(session.expiresAt),
  }).toEqual({
    kind: "s3",
    bucket: "files",
    endpoint: url.origin,
    region: "eu-west-9",
    pathStyle: true,
    accessKeyId: "ASIA1",
    secretAccessKey: "a+secret/&",
    sessionToken: "a<token",
    expiresAt: "2030-01-02T03:04:05.000Z",
  });
  expect(JSON.stringify(session)).not.toMatch(/a\+secret|a<token/);
});

it.each(Object.keys(GIVEN))("an answer without %s gives no session", async (left) => {
  const { url } = await startStore((response) => response.end(xml({ ...GIVEN, [left]: " " })));
  const failure = await refused(url);
  expect(failure.reason).toContain("the store gave no temporary credentials (200 without a code)");
  expect(failure.reason).not.toMatch(/a\+secret|token/);
});

it("a refusal is no session, whatever it has, and is told on one line", async () => {
  const { url } = await startStore((response) =>
    response
      .writeHead(403)
      .end(
        `<ErrorResponse><Error><Code>AccessDenied</Code><Message>No.\nLine ${"x".repeat(300)}</Message></Error>${xml(GIVEN)}</ErrorResponse>`,
      ),
  );
  const failure = await refused(url);
  expect(failure.reason).toMatch(
    /\(403 AccessDenied: No\. ?.*Line x+\); its key must be of a user/,
  );
  expect(failure.reason).not.toContain("\n");
  expect(failure.reason.length).toBeLessThan(400);
  const credentialsRole = "arn:aws:iam::1:role/tools";
  const named = await refused(url, { credentialsRole });
  expect(named.reason).toContain(`the role ${credentialsRole} must let`);
});

it("a role is named, with the partition of its resources", async () => {
  const { url, asked } = await startStore((response) => response.end(xml(GIVEN)));
  const credentialsRole = "arn:aws-cn:iam::1:role/tools";
  await given(url, { credentialsRole });
  const form = new URLSearchParams(asked[0]?.body);
  expect(form.get("RoleArn")).toBe(credentialsRole);
  expect(form.get("Policy")).toContain(`"arn:aws-cn:s3:::files/${PREFIX}*"`);
});

it("tools get the address of those who use them, and how it has the bucket", async () => {
  const { url, asked } = await startStore((response) => response.end(xml(GIVEN)));
  const publicEndpoint = new URL("https://store.example.com:8443");
  const places = [
    [{ publicEndpoint }, { endpoint: publicEndpoint.origin, pathStyle: true }],
    [
      { publicEndpoint, pathStyle: false },
      { endpoint: publicEndpoint.origin, pathStyle: false },
    ],
  ] as const;
  for (const [over, place] of places) {
    expect(await given(url, over)).toMatchObject(place);
  }
  const inside = await given(url, { publicEndpoint }, { audience: "internal" });
  expect(inside).toMatchObject({ endpoint: url.origin });
  // A store takes a POST to the host of a bucket for a form.
  expect(asked.map(({ headers }) => headers["host"])).toEqual([url.host, url.host, url.host]);
});

it("an address whose path a proxy takes away is refused, and nobody is asked", async () => {
  const { url, asked } = await startStore((response) => response.end(xml(GIVEN)));
  const publicEndpoint = new URL("https://example.com/store");
  const failure = await refused(url, { publicEndpoint });
  expect(failure).toMatchObject({ _tag: "StoreUnavailable", kind: "refused" });
  expect(asked).toEqual([]);
});
