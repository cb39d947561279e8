import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { layer as gcs } from "../../adapters/storage/gcs/layer.ts";
import { impersonate } from "../../adapters/storage/gcs/impersonate.ts";
import type { GcsSettings } from "../../adapters/storage/gcs/settings.ts";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { Lifetime } from "../../domain/lifetime.ts";
import type { UploadPolicy } from "../../domain/upload-policy.ts";
import { type GoogleMachine, startGoogleMachine } from "../google/machine.ts";
import { gcsSettings } from "../support/gcs-store.ts";
import { quiet } from "../support/s3-store.ts";
import { serve } from "../support/serve.ts";
import { until } from "../support/until.ts";
import { PRESIGN, presignInit, startService } from "./service.ts";

let machine: GoogleMachine;

beforeEach(async () => {
  machine = await startGoogleMachine();
  vi.stubEnv("GCE_METADATA_HOST", machine.metadataHost);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await machine.close();
});

/** Starts a service whose credentials are renewed in the background until the test is over. */
async function start(policy: Partial<UploadPolicy> = {}, settings: Partial<GcsSettings> = {}) {
  return startService({
    storage: gcs(
      gcsSettings("https://storage.googleapis.com", {
        iamEndpoint: machine.iamEndpoint,
        ...settings,
      }),
    ),
    policy: { getLifetime: Lifetime.make(Duration.days(7)), ...policy },
  });
}

const signerOf = (url: string) => new URL(url).searchParams.get("X-Goog-Credential")?.split("/")[0];

const statuses = (answers: ReadonlyArray<Response>) => new Set(answers.map(({ status }) => status));

it("two hundred presigns at once look up account and token once, and make at most 64 calls to IAM at a time", async () => {
  const { request } = await start();
  machine.state.delay = 2;
  const answers = await Promise.all(
    Array.from({ length: 200 }, () => request(PRESIGN, presignInit())),
  );
  // On a busy machine some may wait too long for their turn.
  for (const status of statuses(answers)) expect(status).toBeOneOf([200, 503]);
  expect(statuses(answers)).toContain(200);
  expect(machine.state.asked).toMatchObject({ email: 1, token: 1 });
  expect(machine.state.busiest).toBeLessThanOrEqual(64);
});

it("a presign costs two calls to IAM, and no further look-up of account and token", async () => {
  const { request } = await start();
  for (let i = 0; i < 20; i++) expect((await request(PRESIGN, presignInit())).status).toBe(200);
  expect(machine.state.asked).toEqual({ email: 1, token: 1, signBlob: 40, impersonate: 0 });
});

it("a URL that IAM signs lives for 12 hours at most, as long as the keys of Google", async () => {
  const { request } = await start();
  const answer = await (await request(PRESIGN, presignInit())).json();
  const url = new URL(answer.get_url);
  expect(url.searchParams.get("X-Goog-Expires")).toBe("43200");
  const [day, time] = (url.searchParams.get("X-Goog-Date") ?? "").split("T");
  const signedAt = Date.parse(
    `${day?.replace(/(....)(..)(..)/, "$1-$2-$3")}T${time?.replace(/(..)(..)(..)Z/, "$1:$2:$3Z")}`,
  );
  expect(Date.parse(answer.get_expires_at)).toBe(signedAt + 12 * 60 * 60 * 1000);
});

it.each([429, 500, 503])("a single %i from IAM is retried", async (status) => {
  const { request } = await start();
  machine.state.failures.push(status);
  expect((await request(PRESIGN, presignInit())).status).toBe(200);
  expect(machine.state.asked.signBlob).toBe(3);
});

it("a revoked access token is replaced, and no presign fails", async () => {
  const { request } = await start();
  expect((await request(PRESIGN, presignInit())).status).toBe(200);
  machine.revokeTokens();
  const answers = await Promise.all(
    Array.from({ length: 40 }, () => request(PRESIGN, presignInit())),
  );
  expect(statuses(answers)).toEqual(new Set([200]));
  expect(machine.state.asked.token).toBeLessThanOrEqual(3);
});

it("a refusal by IAM is not retried, and the presign is answered with 503 and Retry-After", async () => {
  const { request } = await start();
  machine.state.failures.push(403, 403);
  const answer = await request(PRESIGN, presignInit());
  expect(answer.status).toBe(503);
  expect(answer.headers.get("retry-after")).toMatch(/^\d+$/);
  expect(await answer.json()).toMatchObject({ code: "CREDENTIALS_UNAVAILABLE" });
  expect(machine.state.asked.signBlob).toBeLessThanOrEqual(2);
});

it.each(["null", '{"signedBlob":5}', '{"signedBlob":"AAAA"}'])(
  "a presign is answered with 503 if IAM gives no signature: %s",
  async (answer) => {
    machine.state.answer = answer;
    const { request } = await start();
    expect((await request(PRESIGN, presignInit())).status).toBe(503);
  },
);

it("another service account signs uploads if it is named", async () => {
  const account = "put@project.iam.gserviceaccount.com";
  const { request } = await start({}, { putRole: account });
  machine.state.accounts.add(account);
  const { put_url, get_url } = await (await request(PRESIGN, presignInit())).json();
  expect([signerOf(put_url), signerOf(get_url)]).toEqual([account, machine.account]);
});

it("a presign is answered with 503 if its policy wants URLs that last longer than a signature by IAM", async () => {
  const days = Lifetime.make(Duration.days(2));
  const { request } = await start({ putLifetime: days, minLifetime: days });
  expect((await request(PRESIGN, presignInit())).status).toBe(503);
});

it("a presign while IAM is slow is answered with 503 and Retry-After, and does not hang", async () => {
  const { request } = await start();
  machine.state.delay = 60_000;
  const answer = await request(PRESIGN, presignInit());
  expect(answer.status).toBe(503);
  expect(answer.headers.get("retry-after")).toMatch(/^\d+$/);
});

it("a presign while the metadata server is down is answered with 503, and the service recovers with that server", async () => {
  machine.state.isSilent = true;
  const { request } = await start();
  expect((await request(PRESIGN, presignInit())).status).toBe(503);
  machine.state.isSilent = false;
  await until("the recovery", async () => (await request(PRESIGN, presignInit())).status === 200);
});

const CUSTOMERS = "valetkey@customer.iam.gserviceaccount.com";

/** A double of Cloud Storage's JSON API, which answers with the tokens that it saw. */
async function startStorageApi() {
  const tokens: Array<string> = [];
  const url = await serve(({ headers }, response) => {
    tokens.push(headers.authorization?.replace("Bearer ", "") ?? "");
    response.setHeader("Content-Type", "application/json").end(JSON.stringify({ name: "files" }));
  });
  return { url, tokens };
}

it("an account of a customer is impersonated: it signs every URL, and calls the bucket with its own token", async () => {
  machine.state.accounts.add(CUSTOMERS);
  const { request } = await start({}, { role: CUSTOMERS });
  const { put_url, get_url } = await (await request(PRESIGN, presignInit())).json();
  expect([signerOf(put_url), signerOf(get_url)]).toEqual([CUSTOMERS, CUSTOMERS]);

  const client = await impersonate(CUSTOMERS, machine.iamEndpoint);
  const { url, tokens } = await startStorageApi();
  for (let call = 0; call < 3; call++) await client.request({ url });
  expect(new Set(tokens).size).toBe(1);
  expect(machine.isImpersonated(tokens[0] ?? "")).toBe(true);
  expect(machine.state.asked.impersonate).toBe(1);
  // Renewed before its end.
  client.credentials.expiry_date = Date.now() + 60_000;
  await client.request({ url });
  expect(machine.state.asked.impersonate).toBe(2);
});

it("an account that may not be impersonated is named with what its owner has to grant", async () => {
  const opened = gcs(
    gcsSettings("https://storage.googleapis.com", {
      iamEndpoint: machine.iamEndpoint,
      role: CUSTOMERS,
    }),
  );
  const failure = await ObjectStore.use(({ ensureBucket }) => Effect.flip(ensureBucket)).pipe(
    Effect.provide(Layer.provide(opened, quiet)),
    Effect.runPromise,
  );
  expect(failure.reason).toContain(`may not act as ${CUSTOMERS}`);
  expect(failure.reason).toContain("Service Account Token Creator");
});
