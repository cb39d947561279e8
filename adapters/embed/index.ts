import * as Cause from "effect/Cause";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Layer from "effect/Layer";
import * as ManagedRuntime from "effect/ManagedRuntime";
import * as Option from "effect/Option";
import * as Record from "effect/Record";
import { randomBytes } from "node:crypto";
import { Authenticator } from "../../application/ports/authenticator.ts";
import { OnConfirmed } from "../../application/ports/on-confirmed.ts";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { Stores } from "../../application/ports/stores.ts";
import type { StoreName } from "../../domain/place.ts";
import { Presigner } from "../../application/ports/presigner.ts";
import { Organizations } from "../../application/ports/organizations.ts";
import { makeReadinessCheck } from "../../application/store/check-readiness.ts";
import { guarded } from "../../application/store/guarded-store.ts";
import {
  basePathAt,
  fileAddress,
  hasPublicFiles,
  pathIn,
  PUBLIC_FILES,
  type PublicAddress,
  publicAddresses,
} from "../http/addresses.ts";
import { makeApp } from "../http/app/app.ts";
import { PATTERNS } from "../http/app/routes.ts";
import { clientAddress, UNKNOWN_PROXY } from "../http/client-address.ts";
import type { Peer } from "../http/env.ts";
import { presentArrived } from "../http/operations/confirm.ts";
import { presentPublic } from "../http/operations/public-file.ts";
import type { Mount, Services } from "../http/options.ts";
import { asResponse } from "../http/problems/answer-problem.ts";
import { problemFrom } from "../http/problems/problem.ts";
import { Internal } from "../http/problems/refusals.ts";
import { serviceLayer } from "../service/layer.ts";
import { openStores } from "../service/several-stores.ts";
import { mountsFor, type Storage as Store, STORES_PATH } from "../storage/storage.ts";
import { isError } from "../values/thrown.ts";
import type { CallContext } from "./arguments.ts";
import {
  authenticatorFrom,
  logFrom,
  logTo,
  mountWarner,
  organizationsFrom,
  pathMatcher,
} from "./host.ts";
import {
  callsAt,
  type Calls,
  principalFrom,
  rejectionFrom,
  type ValetkeyError,
} from "./operations.ts";
import { readConfiguration } from "./options.ts";
import type { RequestFacts, Valetkey, ValetkeyOptions } from "./valetkey.ts";

export type { CallContext, Caller, Checksum, ChecksumAlgorithm } from "./arguments.ts";
export type { Events, SharedCount, Storage } from "./arguments.ts";
export type * from "./operations.ts";
export type * from "./valetkey.ts";

/**
 * Makes the service, for calls and for `fetch`; nothing is loaded or connected before its first
 * use. The type of `requestUpload` has the names of the policies.
 *
 * Throws a `TypeError` that names every wrong option.
 */
export function createValetkey<Name extends string = never>(
  options: ValetkeyOptions<Name>,
): Valetkey<"files" | Name> {
  const { store, stores, countIn, events, ...settings } = readConfiguration(options);
  const { publicUrl, corsOrigins, trustedProxies } = settings.http;
  const cdn = settings.cdn?.publicRoot;
  /** Returns the addresses of public files, of which a CDN may have those of a store. */
  const publicAt = (root: string | undefined) =>
    publicAddresses(settings.policies, publicUrl, root);
  const oneStore = serviceLayer({
    settings,
    others: Layer.mergeAll(
      Layer.tapError(guarded(store.layer), ({ reason }) =>
        Effect.die(new Error(`The store cannot be used (${store.description}): ${reason}`)),
      ),
      Layer.succeed(Organizations, organizationsFrom(options.organizations, options.storeOf)),
      onConfirmedLayer(options.onConfirmed, publicAt),
      events?.((slug, file, root) => ({
        file_url: fileAddress(publicUrl, slug, file),
        public_url: publicAt(root)?.(file.key),
      })) ?? Layer.empty,
    ),
    authenticator: Layer.succeed(Authenticator, authenticatorFrom(options.authenticate)),
    countIn: countIn?.limiter,
    ledgerIn: countIn?.ledger,
    failuresByDefault: "off",
    defaultKey: keyOfProcess,
  });
  const mounts: Array<Mount> = [...mountsFor(store)];
  const further =
    stores &&
    Layer.effect(
      Stores,
      Effect.gen(function* () {
        const opened = yield* openStores({
          document: { stores: withoutCdn(stores), organizations: new Map(), hasDefault: true },
          byDefault: {
            store: { storage: store, beside: settings.cdn, fingerprint: "" },
            ports: Context.pick(ObjectStore, Presigner)(yield* Effect.context<Services>()),
          },
          publicUrl,
          policies: settings.policies,
          hasClamd: settings.scanner.clamd !== undefined,
          elsewhere: yield* Organizations,
        });
        mounts.push(opened.mount);
        return opened.choice;
      }),
    );
  const layer = (further?.pipe(Layer.provideMerge(oneStore)) ?? oneStore).pipe(
    Layer.provideMerge(logTo(options.log)),
  );
  const runtime = ManagedRuntime.make(layer);

  let isClosed = false;
  const expectOpen = () => {
    if (isClosed) throw new Error("This Valetkey was closed");
  };
  const run = async <A, E>(program: Effect.Effect<A, E, Services>): Promise<A> => {
    expectOpen();
    const exit = await runtime.runPromiseExit(program);
    if (Exit.isSuccess(exit)) return exit.value;
    if (Cause.hasInterruptsOnly(exit.cause)) expectOpen();
    throw Cause.squash(exit.cause);
  };
  // Their types have the names of policies, on which no call depends.
  const calls = Record.map(
    callsAt({ publicUrl }),
    (call) => async (options: CallContext) => run(Effect.mapError(call(options), rejectionFrom)),
  ) as unknown as Pick<Valetkey<"files" | Name>, keyof Calls>;
  const isEmbedded = [...(stores ?? new Map()).values()].some(({ fetch }) => fetch !== undefined);
  const paths = [
    ...PATTERNS,
    ...(hasPublicFiles(settings.policies) ? [`${PUBLIC_FILES}/*`] : []),
    ...mounts.map(({ path }) => `${path}/*`),
    ...(isEmbedded ? [`${STORES_PATH}/*`] : []),
  ].map((path) => `${basePathAt(publicUrl)}${path}`);
  const isOurs = pathMatcher(paths);
  const log = logFrom(options.log);
  const warnOfMount = mountWarner(isOurs, log);

  let app: Promise<ReturnType<typeof makeApp>> | undefined;
  const openApp = async () =>
    makeApp({
      services: await runtime.context(),
      readiness: undefined,
      isStopping: () => isClosed,
      corsOrigins,
      clientAddress: clientAddress(trustedProxies, (address) =>
        log({ level: "warn", message: UNKNOWN_PROXY, facts: { address } }),
      ),
      publicUrl,
      cdn,
      apiAuthentication: options.openapi,
      loopbackOnly: false,
      page: undefined,
      mounts,
    });

  const fetch: Valetkey["fetch"] = async (request, from) => {
    try {
      expectOpen();
      if (request.bodyUsed) throw new Error(BODY_WAS_READ);
      const peer = peerFrom(from);
      warnOfMount(request.url);
      app ??= openApp();
      return await (await app).fetch(request, peer);
    } catch (cause) {
      // For example, a store whose package is missing, or a caller of the wrong shape.
      const requestId = crypto.randomUUID();
      const facts = { requestId, cause };
      log({ level: "error", message: "a request could not be answered", facts });
      return asResponse(problemFrom(new Internal({ requestId })));
    }
  };

  return {
    ...calls,
    ready: () => run(ready(store.description)),
    fetch,
    handles: ({ url }) => isOurs(pathIn(url)),
    paths,
    close: async () => {
      isClosed = true;
      await runtime.dispose();
    },
  };
}

/** The options of a CDN are for the default store: one stands before one bucket. */
const withoutCdn = (stores: ReadonlyMap<StoreName, Store>) =>
  new Map(
    [...stores].map(([name, storage]) => [name, { storage, beside: undefined, fingerprint: name }]),
  );

/** Returns the peer that a host passes; some servers, such as Bun, pass something else. */
function peerFrom(from: RequestFacts | null | undefined): Peer {
  const address = typeof from?.address === "string" ? from.address : undefined;
  const caller = from?.caller ?? undefined;
  return { address, principal: caller === undefined ? undefined : principalFrom(caller) };
}

const BODY_WAS_READ =
  "the body of a request was read before valetkey.fetch got it; pass the request on unread";

const ready = Effect.fnUntraced(function* (description: string) {
  // Some stores need seconds to make a bucket.
  const { signing, store } = yield* yield* makeReadinessCheck("10 seconds");
  for (const [problem, { reason }] of [
    ["Uploads cannot be signed", signing],
    [`The store is not ready (${description})`, store],
  ] as const) {
    if (reason !== undefined) yield* Effect.die(new Error(`${problem}: ${reason}`));
  }
});

/**
 * A key for this process only. It is global, since Next.js loads this module twice, for routes and
 * for pages, and one confirms what the other granted.
 */
const keyOfProcess = Effect.map(
  Effect.logWarning("receipts are valid only in this process and end with it; set receiptKeys"),
  () => (ofProcess[OWN_KEY] ??= randomBytes(32)),
);
const OWN_KEY = Symbol.for("valetkey/receipt-key");
const ofProcess = globalThis as { [OWN_KEY]?: Uint8Array };

const onConfirmedLayer = (
  onConfirmed: ValetkeyOptions["onConfirmed"],
  publicAt: (root: string | undefined) => PublicAddress | undefined,
): Layer.Layer<never> =>
  onConfirmed === undefined
    ? Layer.empty
    : Layer.succeed(OnConfirmed, ({ organization, subject, ...upload }) =>
        Effect.flatMap(Effect.serviceOption(Presigner), (presigner) =>
          Effect.promise(async () => {
            const publicAddress = publicAt(Option.getOrUndefined(presigner)?.publicRoot);
            return onConfirmed({
              organization,
              subject,
              ...presentArrived(upload),
              ...presentPublic(upload.key, { publicAddress }),
            });
          }),
        ),
      );

/** Returns true if the error is a refusal, rather than a failure. */
export const isValetkeyError = (error: unknown): error is ValetkeyError =>
  isError(error) && error.name === "ValetkeyError" && "code" in error;
