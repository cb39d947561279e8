import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import * as Scope from "effect/Scope";
import { expect, it, onTestFinished } from "vitest";
import { newKey, putRequest } from "../../../adapters/contract/sending/uploads.ts";
import type { BoundTo } from "../../../adapters/storage/known.ts";
import type { S3Settings } from "../../../adapters/storage/s3/settings.ts";
import type { ProviderName } from "../../../adapters/storage/s3/providers.ts";
import type { Ability } from "../../../application/ports/abilities.ts";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { Presigner } from "../../../application/ports/presigner.ts";
import { MediaType } from "../../../domain/media-type.ts";
import { incomingKey } from "../../../domain/storage-key.ts";
import { s3Store } from "../../support/s3-store.ts";
import { serve } from "../../support/serve.ts";

// A server here answers about the versions of a bucket as a Ceph 16.2 does; what that Ceph stores is
// tried by the contract.

const ENABLED = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
const SUSPENDED = "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>";
const NEVER = "<VersioningConfiguration></VersioningConfiguration>";

/** A store whose bucket answers with `versioning.now`, and whose objects have `version.now`. */
async function open(
  provider: ProviderName,
  now: readonly [number, string],
  over: Partial<S3Settings> = {},
) {
  const state = { versioning: now, version: undefined as string | undefined, asked: 0 };
  const endpoint = await serve((request, response) => {
    const { searchParams } = new URL(request.url ?? "", "http://store");
    if (request.method === "HEAD") {
      const headers = { "Content-Length": "5", "Content-Type": "text/plain", ETag: '"e"' };
      if (state.version !== undefined) response.setHeader("x-amz-version-id", state.version);
      return response.writeHead(200, headers).end();
    }
    if (!searchParams.has("versioning")) return response.writeHead(404).end();
    state.asked += 1;
    const [status, text] = state.versioning;
    return response.writeHead(status).end(text);
  });
  const scope = Scope.makeUnsafe();
  onTestFinished(() => Effect.runPromise(Scope.close(scope, Exit.void)));
  const layer = s3Store(endpoint, { provider, ...over });
  const services = await Effect.runPromise(Layer.buildWithScope(layer, scope));
  const presigner = Context.get(services, Presigner);
  const store = Context.get(services, ObjectStore);
  const strict = { ...putRequest(), strict: true };
  return {
    state,
    isOnce: async () => (await Effect.runPromise(presigner.put(strict))).isOnce,
    has: (ability: Ability) => store.abilities.has(ability),
    /** Completes an upload, which this server does not know. */
    complete: () =>
      Effect.runPromise(
        Effect.ignore(
          store.parts?.complete({ key: newKey(), uploadId: "u", parts: [] }) ?? Effect.void,
        ),
      ),
    /** The failure of a copy, which this server makes none of. */
    copy: () => {
      const to = newKey();
      const upload = { key: incomingKey(to), to, etag: '"e"', size: 5, version: undefined };
      const copied = store.copies?.copy({ ...upload, contentType: MediaType.make("text/plain") });
      return Effect.runPromise(Effect.flip(copied ?? Effect.die("no copy"))).then(
        ({ reason }) => reason,
      );
    },
    look: () =>
      Effect.match(store.checkState ?? Effect.void, {
        onSuccess: () => "holds",
        onFailure: ({ reason }) => reason,
      }).pipe(Effect.runPromise),
    isReplaceable: async () =>
      Option.getOrThrow(await Effect.runPromise(store.head(newKey()))).isReplaceable,
  };
}

it("a bucket that gets versions while nobody looks is looked at before a file is final", async () => {
  const store = await open("ceph", [200, NEVER]);
  expect([await store.isOnce(), store.has("write-once"), await store.look()]).toEqual([
    true,
    true,
    "holds",
  ]);
  store.state.versioning = [200, ENABLED];
  expect([await store.isReplaceable(), store.has("write-once")]).toEqual([true, false]);
  const { asked } = store.state;
  await store.isReplaceable();
  expect([store.state.asked, await store.isOnce()]).toEqual([asked, false]);
  expect(await store.look()).toContain("suspend its versions, or use another bucket");
});

it("a bucket that gets versions while nobody looks is looked at before parts are final", async () => {
  const store = await open("garage", [200, NEVER]);
  expect(store.has("completes once")).toBe(true);
  store.state.versioning = [200, ENABLED];
  await store.complete();
  expect(store.has("completes once")).toBe(false);
});

it("a file that has a version shows that its bucket keeps versions, without asking for that", async () => {
  const store = await open("ceph", [200, NEVER]);
  const { asked } = store.state;
  store.state.version = "v1";
  expect([await store.isReplaceable(), await store.isOnce()]).toEqual([true, false]);
  expect(store.state.asked).toBe(asked);
});

it("an unknown state is looked at again with the next file", async () => {
  const store = await open("ceph", [503, ""]);
  expect(await store.isOnce()).toBe(false);
  store.state.versioning = [200, NEVER];
  expect(await store.isReplaceable()).toBe(false);
  expect(await store.isOnce()).toBe(true);
});

it("other providers are not asked", async () => {
  for (const [provider, isOnce] of [
    ["aws", true],
    ["s3", false],
  ] as const) {
    const store = await open(provider, [200, ENABLED]);
    expect([await store.isOnce(), store.has("write-once")]).toEqual([isOnce, isOnce]);
    expect(await store.isReplaceable()).toBeUndefined();
    expect(store.state.asked).toBe(0);
  }
});

/** A certificate by which all depends on the state of the bucket, and was seen in this one. */
const certifiedIn = (versions: BoundTo["versions"]) => {
  const abilities = new Set([
    "write-once",
    "multipart",
    "completes once",
    "copies",
    "copies once",
  ] as const);
  return {
    abilities,
    boundTo: { versions, abilities },
    facts: { name: "MinIO", date: "2026-11-30", isOutdated: false },
  };
};

it.each([
  ["none", [200, NEVER], true, "holds"],
  ["none", [200, SUSPENDED], true, "holds"],
  ["kept", [200, ENABLED], true, "holds"],
  ["unknown", [501, ""], true, "holds"],
  [
    "none",
    [200, ENABLED],
    false,
    "was certified on 2026-11-30 in a bucket that keeps no versions, and this one keeps versions; certify it again: `valetkey certify --output certificate.json`",
  ],
  [
    "kept",
    [200, NEVER],
    false,
    "in a bucket that keeps versions, and this one keeps no versions; certify it again",
  ],
  [
    "unknown",
    [200, NEVER],
    false,
    "in a bucket that does not say whether it keeps versions, and this one keeps no versions",
  ],
  [
    "none",
    [403, "<Code>AccessDenied</Code>"],
    false,
    "allow the service's key s3:GetBucketVersioning",
  ],
] as const)(
  "a certificate of a bucket whose state is %s holds where the store answers %j: %s",
  async (state, versioning, holds, told) => {
    const store = await open("s3", versioning, { certificate: certifiedIn(state) });
    expect(await store.look()).toContain(told);
    expect(await store.isOnce()).toBe(holds);
    for (const ability of ["write-once", "completes once", "copies once"] as const) {
      expect([ability, store.has(ability)]).toEqual([ability, holds]);
    }
    expect(await store.isReplaceable()).toBe(!holds);
    expect(await store.copy()).toContain(holds ? "does not exist" : told);
  },
);

it("a copy looks at its bucket anew, so none is made once it keeps versions", async () => {
  const store = await open("s3", [200, NEVER], { certificate: certifiedIn("none") });
  expect(await store.copy()).toContain("does not exist");
  store.state.versioning = [200, ENABLED];
  expect(await store.copy()).toContain("no upload below incoming/ becomes a file");
  expect(await store.isOnce()).toBe(false);
  expect([store.has("completes once"), store.has("copies once")]).toEqual([false, false]);
});
