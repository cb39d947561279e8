import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { type CertifiedStore, certifiedStore } from "../../adapters/cli/certify/certified-store.ts";
import { environmentFor } from "../../adapters/cli/credentials/forms.ts";
import { scoped } from "../../adapters/contract/promises/scoped.ts";
import { examine } from "../../adapters/contract/running/examine.ts";
import { newSubject, openStore } from "../../adapters/contract/subject/subject.ts";
import { variables } from "../../adapters/settings/source.ts";
import { provedBy } from "../../adapters/storage/certificate/proved.ts";
import type { CredentialsRequest } from "../../application/ports/scoped-credentials.ts";
import { startEntra } from "../azure/entra.ts";
import { startAzureVerifier } from "../azure/store.ts";
import { startGoogleMachine } from "../google/machine.ts";
import { createBucket, startGcsVerifier } from "../google/store.ts";
import { BY_HMAC } from "../support/gcs-store.ts";
import { makeFolder } from "../support/make-folder.ts";
import { makeBucket } from "../support/make-bucket.ts";
import { need } from "../support/need.ts";

// The calls of Google's and Azure's own APIs that certify tries with credentials for a prefix, on the
// doubles: nobody has tried them on a real bucket.

// An examination ends by itself, when nothing is kept for ten minutes.
vi.setConfig({ testTimeout: 0 });

const azurite = await need("azurite");
const fakeGcs = await need("fakeGcs");
const rclone = (await need("rclone")) ?? "";

interface Double {
  readonly env: Readonly<Record<string, string>>;
  readonly close: () => Promise<void>;
}

async function google(upstream: string, bucket: string): Promise<Double> {
  await createBucket(upstream, bucket);
  const machine = await startGoogleMachine();
  const { account, publicKey, rulesOf, iamEndpoint } = machine;
  const rsa = new Map([[account, publicKey]]);
  const store = await startGcsVerifier({ upstream, ...BY_HMAC, rsa, rulesOf });
  vi.stubEnv("GCE_METADATA_HOST", machine.metadataHost);
  return {
    env: {
      STORAGE_ADAPTER: "gcs",
      STORAGE_ENDPOINT: `http://127.0.0.1:${store.port}`,
      STORAGE_GCS_IAM_ENDPOINT: iamEndpoint.href,
    },
    close: async () => {
      await store.close();
      await machine.close();
    },
  };
}

async function azure(server: NonNullable<typeof azurite>, bucket: string): Promise<Double> {
  const entra = await startEntra();
  const options = { tenant: entra.state.tenant, knows: entra.knows };
  const store = await startAzureVerifier({ ...server, ...options });
  vi.stubEnv("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential");
  vi.stubEnv("AZURE_POD_IDENTITY_AUTHORITY_HOST", entra.endpoint);
  const env = { STORAGE_ADAPTER: "azure", STORAGE_ENDPOINT: store.endpoint };
  await makeBucket({ ...env, STORAGE_BUCKET: bucket });
  return {
    env,
    close: async () => {
      await store.close();
      await entra.close();
    },
  };
}

describe.each([
  ["Google", fakeGcs && ((bucket: string) => google(fakeGcs, bucket))],
  ["Azure", azurite && ((bucket: string) => azure(azurite, bucket))],
])("on the double of %s, credentials for a prefix", (_, start) => {
  let certified: CertifiedStore;
  let close: Double["close"] | undefined;
  beforeAll(async () => {
    if (!start) return;
    const bucket = `scoped-${crypto.randomUUID()}`;
    const double = await start(bucket);
    ({ close } = double);
    const source = variables({ ...double.env, STORAGE_BUCKET: bucket });
    certified = Result.getOrThrow(certifiedStore(source));
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await close?.();
  });

  it.skipIf(!start)("are tried by the store's own API, which decides the ability", async () => {
    const { findings, left } = await examine({
      ...certified,
      promises: scoped,
      onFinding: () => undefined,
      signal: new AbortController().signal,
    });
    const outcomes = findings.map(({ outcome, why }) => why ?? outcome);
    expect(outcomes).toEqual(scoped.map(() => "kept"));
    expect(provedBy(findings, certified.decided ?? {})).toContain("scoped credentials");
    expect(left).toEqual([]);
  });

  it.skipIf(!start)("are seen to reach further where their prefix is too wide", async () => {
    const openable = certified.withAbilities?.(["scoped credentials"]) ?? certified.store;
    const built = await openStore(openable, openable.open);
    try {
      const { credentials } = built.store;
      const wide = (request: CredentialsRequest) =>
        credentials?.({ ...request, prefix: "incoming/" }) ?? Effect.die("it has none");
      const subject = () => newSubject({ ...built, store: { ...built.store, credentials: wide } });
      const [, , names, , lists] = scoped;
      const seen = /the store answered with 20|the answer has what is of others/;
      await expect(names?.check(subject())).rejects.toThrow(seen);
      await expect(lists?.check(subject())).rejects.toThrow(seen);
    } finally {
      await built.close();
    }
  });
});

it.skipIf(!fakeGcs || !rclone)(
  "rclone sends a folder to Google, and then what is new",
  async () => {
    const bucket = `scoped-${crypto.randomUUID()}`;
    const { env, close } = await google(fakeGcs ?? "", bucket);
    onTestFinished(async () => {
      vi.unstubAllEnvs();
      await close();
    });
    const source = variables({ ...env, STORAGE_BUCKET: bucket });
    const { withAbilities } = Result.getOrThrow(certifiedStore(source));
    const openable = withAbilities?.(["scoped credentials"]);
    assert.ok(openable);
    const built = await openStore(openable, openable.open);
    onTestFinished(built.close);
    const prefix = "incoming/credentials/acme/a/";
    const request = { prefix, lifetime: Duration.minutes(15), audience: "public" } as const;
    const given = await Effect.runPromise(
      built.store.credentials?.(request) ?? Effect.die("it has none"),
    );
    assert.ok(given.kind === "gcs");
    const { kind, endpoint } = given;
    const grant = { grant: "a", expires_at: "a", complete_until: "a" };
    const access_token = Redacted.value(given.accessToken);
    const session = { kind, endpoint, bucket, prefix, access_token, ...grant };
    const folder = makeFolder();
    for (const name of ["a.txt", "b.txt"]) {
      writeFileSync(join(folder, name), name);
      await promisify(execFile)(rclone, ["copy", folder, "valetkey:"], {
        env: environmentFor(session, process.env),
      });
    }
    const listed = built.store.list?.objects({ prefix, limit: 10 }) ?? Effect.die("it has none");
    const { found } = await Effect.runPromise(listed);
    expect(found.map(({ key }) => key)).toEqual([`${prefix}a.txt`, `${prefix}b.txt`]);
  },
);
