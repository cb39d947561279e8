import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import { json } from "node:stream/consumers";
import { beforeEach, expect, it } from "vitest";
import { BucketCors } from "../../adapters/storage/bucket-cors.ts";
import { layer as gcs } from "../../adapters/storage/gcs/layer.ts";
import type { StoreUnavailable } from "../../domain/errors.ts";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { gcsSettings, RSA_KEY } from "../support/gcs-store.ts";
import { quiet } from "../support/s3-store.ts";
import { serve } from "../support/serve.ts";

// fake-gcs-server forgets the rules of a bucket, so a double keeps them here, and refuses as Cloud
// Storage does: "Buckets: patch" of the JSON API, with `ifMetagenerationMatch`.

const FOREIGN = { action: { type: "Delete" }, condition: { age: 30 } };
const ours = (age: number) => ({
  action: { type: "Delete" },
  condition: { age, matchesPrefix: ["incoming/"] },
});

const FOREIGN_PAGE = { origin: ["https://foreign.example"], method: ["GET"] };

const parts = (prefix: string) => ({
  action: { type: "AbortIncompleteMultipartUpload" },
  condition: { age: 1, matchesPrefix: [prefix] },
});
const PARTS = [parts("incoming/"), parts("orgs/")];

let endpoint: URL;
let bucket: {
  metageneration: number;
  lifecycle: { rule: ReadonlyArray<unknown> };
  cors: ReadonlyArray<unknown>;
};
/** Whether somebody else changes the bucket after each time that it is read. */
let contended: boolean;

beforeEach(async () => {
  bucket = { metageneration: 1, lifecycle: { rule: [FOREIGN] }, cors: [FOREIGN_PAGE] };
  contended = false;
  endpoint = await serve(async (request, response) => {
    const { searchParams } = new URL(request.url ?? "", "http://store");
    const expected = searchParams.get("ifMetagenerationMatch");
    const answer = JSON.stringify(bucket);
    response.setHeader("Content-Type", "application/json");
    if (request.method === "GET") {
      if (contended) bucket.metageneration += 1;
      response.end(answer);
    } else if (expected === String(bucket.metageneration)) {
      const change = (await json(request)) as Partial<typeof bucket>;
      bucket = { ...bucket, ...change, metageneration: bucket.metageneration + 1 };
      response.end(JSON.stringify(bucket));
    } else {
      response.writeHead(412).end("{}");
    }
  });
});

const apply = (days: number, options?: { readonly replace: boolean }) =>
  run(ObjectStore.use(({ rules }) => rules?.apply(days, options) ?? Effect.die("no rules")));

const allow = (...origins: ReadonlyArray<string>) =>
  run(
    Effect.flatMap(
      Effect.serviceOption(BucketCors),
      (cors) => Option.getOrThrow(cors).apply?.(origins) ?? Effect.die("no rules"),
    ),
  );

function run<A>(program: Effect.Effect<A, StoreUnavailable, ObjectStore>) {
  const settings = gcsSettings(endpoint, { key: RSA_KEY, iamEndpoint: endpoint });
  const store = gcs(settings).pipe(Layer.provideMerge(quiet));
  return Effect.runPromise(program.pipe(Effect.provide(store), Effect.result));
}

it("the rule for what waits is added once, beside other rules of the bucket", async () => {
  expect(await apply(3)).toMatchObject({ success: { outcome: "added", days: 3 } });
  expect(bucket.lifecycle.rule).toEqual([FOREIGN, ours(3), ...PARTS]);
  expect(await apply(3)).toMatchObject({ success: { outcome: "there" } });
  expect(bucket.lifecycle.rule).toEqual([FOREIGN, ours(3), ...PARTS]);
});

it("another deployment that waits less does not shorten the time, unless it says so", async () => {
  await apply(3);
  expect(await apply(5)).toMatchObject({ success: { outcome: "added", days: 5 } });
  expect(bucket.lifecycle.rule).toEqual([FOREIGN, ...PARTS, ours(5)]);
  expect(await apply(4)).toMatchObject({ success: { outcome: "there", days: 5 } });
  expect(await apply(4, { replace: true })).toMatchObject({
    success: { outcome: "added", days: 4 },
  });
  expect(bucket.lifecycle.rule).toEqual([FOREIGN, ...PARTS, ours(4)]);
});

it("the rule for uploads in parts is added alone if no policy waits for uploads to be confirmed", async () => {
  expect(await apply(0)).toMatchObject({ success: { outcome: "added" } });
  expect(bucket.lifecycle.rule).toEqual([FOREIGN, parts("orgs/")]);
});

it("a rule for pages is added once, beside other rules of the bucket", async () => {
  expect(await allow("https://app.example.com")).toMatchObject({ success: { outcome: "added" } });
  expect(await allow("https://app.example.com")).toMatchObject({ success: { outcome: "there" } });
  expect(bucket.cors).toHaveLength(2);
  expect(bucket.cors[0]).toEqual(FOREIGN_PAGE);
  expect(await allow("https://two.example")).toMatchObject({ success: { outcome: "added" } });
  expect(bucket.cors).toHaveLength(2);
  expect(bucket.cors[1]).toMatchObject({
    origin: ["https://app.example.com", "https://two.example"],
  });
});

it("a change that someone else makes to the bucket in between is not overwritten", async () => {
  contended = true;
  for (const change of [apply(3), allow("https://app.example.com")]) {
    expect(await change).toHaveProperty("failure.reason");
  }
  expect(bucket).toMatchObject({ lifecycle: { rule: [FOREIGN] }, cors: [FOREIGN_PAGE] });
});
