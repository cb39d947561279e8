import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import { expect, it } from "vitest";
import { newKey, putRequest } from "../../adapters/contract/uploads.ts";
import type { ProviderName } from "../../adapters/storage/providers.ts";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { Presigner } from "../../application/ports/presigner.ts";
import { s3Store } from "../support/s3-store.ts";
import { serve } from "../support/serve.ts";

// A server here answers about the versions of a bucket as a Ceph 16.2 does; what that Ceph stores is
// tried by the contract.

const ENABLED = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
const SUSPENDED = "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>";
const NEVER = "<VersioningConfiguration></VersioningConfiguration>";

/** A store whose bucket answers with `versioning.now`, and whose objects have `version.now`. */
async function open(provider: ProviderName, now: readonly [number, string]) {
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
  const { presigner, store } = await Effect.all({ presigner: Presigner, store: ObjectStore }).pipe(
    Effect.provide(s3Store(endpoint, { provider })),
    Effect.runPromise,
  );
  const strict = { ...putRequest(), strict: true };
  return {
    state,
    isOnce: async () => (await Effect.runPromise(presigner.put(strict))).isOnce,
    holds: () => store.writeOnce?.holds(),
    look: () =>
      Effect.match(store.writeOnce?.look ?? Effect.void, {
        onSuccess: () => "holds",
        onFailure: ({ reason }) => reason,
      }).pipe(Effect.runPromise),
    isReplaceable: async () =>
      Option.getOrThrow(await Effect.runPromise(store.head(newKey()))).isReplaceable,
  };
}

it.each([
  ["without versions", [200, NEVER], true, "holds"],
  ["with versions suspended", [200, SUSPENDED], true, "holds"],
  ["with versions", [200, ENABLED], false, "suspend its versions, or use another bucket"],
  [
    "that the key may not look at",
    [403, "<Code>AccessDenied</Code>"],
    false,
    "GetBucketVersioning",
  ],
] as const)(
  "on Ceph a PUT is signed to write once in a bucket %s only if that holds",
  async (_what, versioning, holds, told) => {
    const store = await open("ceph", versioning);
    expect([await store.isOnce(), store.holds()]).toEqual([holds, holds]);
    expect(await store.look()).toContain(told);
  },
);

it("a bucket that gets versions later is no longer told to write once, nor is its file final", async () => {
  const store = await open("ceph", [200, NEVER]);
  expect(await store.isReplaceable()).toBe(false);
  store.state.versioning = [200, ENABLED];
  await store.look();
  expect([await store.isOnce(), await store.isReplaceable()]).toEqual([false, true]);
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
    expect([await store.isOnce(), store.holds()]).toEqual([isOnce, undefined]);
    expect(await store.isReplaceable()).toBeUndefined();
    expect(store.state.asked).toBe(0);
  }
});
