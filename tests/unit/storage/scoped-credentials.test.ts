import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import { DownscopedClient, OAuth2Client } from "google-auth-library";
import assert from "node:assert/strict";
import { inspect } from "node:util";
import { beforeAll, expect, it, vi } from "vitest";
import { azureAbilities, decidedFor } from "../../../adapters/storage/azure/settings.ts";
import { listBlobs } from "../../../adapters/storage/azure/list.ts";
import { always } from "../../../adapters/storage/credentials/held.ts";
import { scopedCredentials } from "../../../adapters/storage/gcs/scoped-credentials.ts";
import {
  decidedFor as decidedForGcs,
  gcsAbilities,
} from "../../../adapters/storage/gcs/settings.ts";
import { bucketAddress } from "../../../adapters/storage/signing/bucket-address.ts";
import { type GoogleMachine, startGoogleMachine } from "../../google/machine.ts";
import { gcsSettings, HMAC_KEY, RSA_KEY } from "../../support/gcs-store.ts";
import { serve } from "../../support/serve.ts";

const certificate = { abilities: new Set(["scoped credentials" as const]) };
const PREFIX = "incoming/credentials/acme/9f2c1f0e-5a8e-4f65-9d0a-0b4f6d0c7e11/";
const request = { prefix: PREFIX, lifetime: Duration.minutes(15), audience: "public" } as const;

let machine: GoogleMachine;
beforeAll(async () => {
  machine = await startGoogleMachine();
  vi.stubEnv("GCE_METADATA_HOST", machine.metadataHost);
  return async () => {
    vi.unstubAllEnvs();
    await machine.close();
  };
});

const issue = (over: Parameters<typeof gcsSettings>[1] = {}) => {
  const { iamEndpoint } = machine;
  const settings = gcsSettings("https://store.example/", { iamEndpoint, ...over });
  return Effect.runPromise(scopedCredentials(settings, undefined)(request));
};

it("a token of Google is exchanged as the official client does it", async () => {
  const given = await issue();
  expect(given).toMatchObject({ kind: "gcs", endpoint: "https://store.example", bucket: "files" });
  assert.ok(given.kind === "gcs");
  expect(machine.rulesOf(Redacted.value(given.accessToken))).toHaveLength(2);
  const ours = Object.fromEntries(machine.exchanges.at(-1) ?? []);
  const authClient = new OAuth2Client();
  const token = ours["subject_token"] ?? "";
  authClient.setCredentials({ access_token: token, expiry_date: Date.now() + 3_600_000 });
  const official = new DownscopedClient({
    authClient,
    credentialAccessBoundary: JSON.parse(ours["options"] ?? ""),
  });
  // It knows one address, and asks it through this member.
  const sts = Reflect.get(official, "stsCredential");
  const sent: Array<URLSearchParams> = [];
  sts.transporter = {
    request: async ({ data }: { readonly data: URLSearchParams }) => {
      sent.push(data);
      return { data: { access_token: "a", expires_in: 1 } };
    },
  };
  await official.getAccessToken();
  expect(sent.map((form) => Object.fromEntries(form))).toEqual([ours]);
});

it("a token of a role lives as long as was asked, and another as its account's", async () => {
  const role = "other@project.iam.gserviceaccount.com";
  machine.state.accounts.add(role);
  const [short, hour] = await Promise.all([issue({ role }), issue()]);
  expect(DateTime.Order(short.expiresAt, hour.expiresAt)).toBe(-1);
  expect(
    machine.exchanges.some((form) => machine.isImpersonated(`${form.get("subject_token")}`)),
  ).toBe(true);
});

it("what Google refuses is told without a token", async () => {
  machine.revokeTokens();
  const iamEndpoint = new URL("/elsewhere/", machine.iamEndpoint);
  const failure: unknown = await issue({ iamEndpoint }).catch((cause: unknown) => cause);
  expect(failure).toMatchObject({
    _tag: "StoreUnavailable",
    reason: expect.stringMatching(/^no Google credentials: /),
  });
  for (const form of machine.exchanges) {
    expect(inspect(failure)).not.toContain(form.get("subject_token"));
  }
});

it("only an identity has the ability, and only by a certificate", () => {
  expect(azureAbilities({ certificate }).has("scoped credentials")).toBe(true);
  expect(gcsAbilities({ key: RSA_KEY, certificate }).has("scoped credentials")).toBe(true);
  expect(gcsAbilities({ key: undefined, certificate }).has("scoped credentials")).toBe(true);
  for (const abilities of [
    azureAbilities({}),
    gcsAbilities({ key: RSA_KEY }),
    gcsAbilities({ key: HMAC_KEY }),
  ]) {
    expect(abilities.has("scoped credentials")).toBe(false);
  }
  const key = { account: "acme", secret: new Uint8Array(32) };
  expect(Object.keys(decidedFor({ key }))).toEqual(["write-once"]);
  expect(Object.keys(decidedForGcs({ key: HMAC_KEY }))).toEqual([]);
});

const blob = (name: string, further = "") =>
  `<Blob>${name}<Properties><Last-Modified>Tue, 01 Dec 2026 10:00:00 GMT</Last-Modified><Etag>0x1</Etag>${further}<Content-Length>5</Content-Length></Properties></Blob>`;

async function listedOf(...blobs: ReadonlyArray<string>) {
  const { origin } = await serve((_, response) => {
    const list = `<Blobs>${blobs.join("")}</Blobs><NextMarker/>`;
    response.end(`<EnumerationResults>${list}</EnumerationResults>`);
  });
  const endpoint = new URL("/acme", origin);
  const address = bucketAddress({ endpoint, bucket: "files", pathStyle: true, signsPath: false });
  const signer = always({ sign: () => Effect.succeed(`${origin}/acme/files`) });
  const settings = { bucket: "files", createBucket: false, endpoint, account: "acme" };
  const container = { settings, bucket: { signer, address, region: "" }, client: signer };
  const { found } = await Effect.runPromise(listBlobs(container, { prefix: PREFIX }));
  return found.map(({ key }) => key);
}

it("a list of Azure has no directories, and the names that XML cannot have", async () => {
  const encoded = encodeURIComponent(`${PREFIX}\uFFFE&<.png`);
  expect(
    await listedOf(
      blob(`<Name>${PREFIX}a</Name>`, "<ResourceType>directory</ResourceType>"),
      blob(`<Name>${PREFIX}a/b+c%20d&amp;é.png</Name>`, "<ResourceType>file</ResourceType>"),
      blob(`<Name Encoded="true">${encoded}</Name>`),
    ),
  ).toEqual([`${PREFIX}a/b+c%20d&é.png`, `${PREFIX}\uFFFE&<.png`]);
});

it("a list of Azure with an encoded name that is none is not read", async () => {
  const wrong = blob(`<Name Encoded="true">${PREFIX}%</Name>`);
  await expect(listedOf(wrong)).rejects.toMatchObject({ kind: "senseless" });
});
