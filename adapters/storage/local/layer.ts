import * as Clock from "effect/Clock";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { Presigner } from "../../../application/ports/presigner.ts";
import { StoreUnavailable } from "../../../domain/errors.ts";
import { MOST_DAYS_OF_WAITING } from "../../../domain/waiting.ts";
import { AWS4_HMAC_SHA256 } from "../signing/algorithms.ts";
import { s3Binding, s3Overrides, s3PartBinding } from "../signing/binding.ts";
import type { Storage } from "../storage.ts";
import { bucketAddress } from "../signing/bucket-address.ts";
import { always } from "../credentials/held.ts";
import { signWith } from "../signing/signer.ts";
import { EMBEDDED_ABILITIES, EMBEDDED_LIMITS } from "./abilities.ts";
import { urlPresigner } from "../signing/url-presigner.ts";
import { exactly } from "../rest/read-object.ts";
import { timeoutsFor } from "./body.ts";
import { checkFolder, openFolder, removeLeftovers } from "./folder.ts";
import { objectsHandler } from "./handler.ts";
import {
  linkObject,
  listObjects,
  namesOf,
  openObject,
  removeObject,
  removeUnconfirmed,
  writeEmpty,
} from "./objects.ts";
import {
  completeUpload,
  endUpload,
  listParts,
  listUploads,
  removeAbandoned,
  startUpload,
} from "./parts.ts";
import { failureFrom } from "./refusal.ts";

const REGION = "local";

/** In milliseconds. */
const SWEEP_INTERVAL = 60_000;

const run = <A>(call: () => Promise<A>) =>
  Effect.tryPromise({
    try: call,
    catch: (cause) => new StoreUnavailable({ kind: "refused", reason: failureFrom(cause).reason }),
  });

/** Signs and stores in one process, so the secret never leaves the folder. */
export const layer = (
  settings: Readonly<Record<"bucket" | "directory", string>>,
  endpoint: URL,
  onOpen: (fetch: NonNullable<Storage["fetch"]>) => void,
): Layer.Layer<Presigner | ObjectStore, StoreUnavailable> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const folder = yield* run(() => openFolder(settings.directory));
      const sweep = () =>
        void Promise.all([removeLeftovers(folder.temporary), removeAbandoned(folder)]).catch(
          () => undefined,
        );
      const sweepUploads = () =>
        void removeUnconfirmed(folder, settings.bucket).catch(() => undefined);
      yield* Effect.acquireRelease(
        // The timers do not keep the process alive.
        Effect.sync(() => [
          setInterval(sweep, SWEEP_INTERVAL).unref(),
          setInterval(sweepUploads, 60 * SWEEP_INTERVAL).unref(),
        ]),
        (timers) => Effect.sync(() => timers.forEach(clearInterval)),
      );
      const log = Effect.runForkWith(yield* Effect.context());
      const clock = yield* Clock.Clock;
      const { secretKey } = folder;
      const keys = { algorithm: AWS4_HMAC_SHA256, accessKey: "valetkey-local", secretKey };
      const signer = always(signWith(keys));
      const { bucket } = settings;
      const address = bucketAddress({ endpoint, bucket, pathStyle: true, signsPath: true });
      onOpen(
        objectsHandler({
          folder,
          root: endpoint.pathname,
          bucket,
          keys,
          region: REGION,
          now: () => clock.currentTimeMillisUnsafe(),
          onFailure: ({ reason }) => log(Effect.logError("the embedded store failed", { reason })),
        }),
      );
      const presigner = urlPresigner({
        addresses: { public: address, internal: address },
        region: REGION,
        binding: s3Binding(EMBEDDED_ABILITIES),
        overrides: s3Overrides,
        parts: { binding: s3PartBinding },
        signers: { put: signer, get: signer },
      });
      const stored = <O extends { readonly key: string }>(object: O) => ({
        ...object,
        key: `/${bucket}/${object.key}`,
      });
      const store = ObjectStore.of({
        abilities: EMBEDDED_ABILITIES,
        limits: EMBEDDED_LIMITS,
        ensureBucket: run(() => checkFolder(folder)),
        remove: (object) => run(() => removeObject(folder, stored(object).key)),
        copies: {
          writeEmpty: (key) => run(() => writeEmpty(folder, stored({ key }).key)),
          copy: ({ key, etag, to, names, mayPublish }) =>
            run(() =>
              linkObject(folder, {
                from: stored({ key }).key,
                to: stored({ key: to }).key,
                etag,
                names,
                mayPublish: mayPublish && (() => Effect.runPromise(mayPublish)),
              }),
            ),
        },
        read: ({ key, etag, start = 0, length = Infinity }) =>
          run(async () => {
            const object = await openObject(folder, stored({ key }).key);
            if (object?.etag === etag) {
              const size = Math.min(length, object.size - start);
              const range = { start, end: start + size - 1, timeouts: timeoutsFor(size) };
              return exactly(object.bytes(range), size);
            }
            await object?.close();
            return "changed";
          }),
        list: { objects: (below) => run(() => listObjects(folder, { bucket, ...below })) },
        parts: {
          abandoned: `the embedded store itself removes an upload in parts a day after the last part came, and what nobody confirms after ${MOST_DAYS_OF_WAITING} days`,
          create: ({ key, contentType }) =>
            run(() => startUpload(folder, stored({ key, contentType }))),
          list: (upload) => run(() => listParts(folder, stored(upload))),
          complete: (upload) => run(() => completeUpload(folder, stored(upload))),
          abort: (upload) => run(() => endUpload(folder, stored(upload))),
          listOpen: ({ prefix }) =>
            run(async () => ({ found: await listUploads(folder, { bucket, prefix }) })),
        },
        head: (key) =>
          run(async () => {
            const object = await openObject(folder, stored({ key }).key);
            if (object === undefined) return Option.none();
            await object.close();
            const { size, contentType, etag, checksums, announcement, modified } = object;
            const storedAt = modified.getTime();
            const extraHeaders = {};
            const names = await namesOf(folder, stored({ key }).key);
            return Option.some({
              size,
              contentType,
              etag,
              checksums,
              announcement,
              names,
              extraHeaders,
              age: Date.now() - storedAt,
              storedAt,
            });
          }),
      });
      return Context.make(Presigner, presigner).pipe(Context.add(ObjectStore, store));
    }),
  );
