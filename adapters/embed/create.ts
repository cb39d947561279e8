import { randomBytes } from "node:crypto";
import * as Cause from "effect/Cause";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Layer from "effect/Layer";
import * as ManagedRuntime from "effect/ManagedRuntime";
import { makePatientCheck } from "../../application/check-readiness.ts";
import { Authenticator } from "../../application/ports/authenticator.ts";
import { OnConfirmed } from "../../application/ports/on-confirmed.ts";
import { Organizations } from "../../application/ports/organizations.ts";
import { Policies } from "../../application/ports/policies.ts";
import { basePathOf, pathIn } from "../http/addresses.ts";
import { asResponse } from "../http/answer.ts";
import { makeApp } from "../http/app.ts";
import { clientAddress } from "../http/client-address.ts";
import type { Peer } from "../http/env.ts";
import { internalProblem, type Refusal } from "../http/problem.ts";
import { limitFailures } from "../limits/failed-authentications.ts";
import type { Services } from "../http/route.ts";
import { PATTERNS } from "../http/routes.ts";
import * as limits from "../limits/layer.ts";
import * as random from "../storage/random.ts";
import { mountsOf } from "../storage/storage.ts";
import * as tokens from "../tokens/layer.ts";
import { authenticatorOf, organizationsOf, principalOf } from "./caller.ts";
import { callsAt, plain } from "./calls.ts";
import { configurationOf } from "./configuration.ts";
import { logOf, logTo } from "./log.ts";
import type { ChecksumAlgorithm } from "./opaque.ts";
import { matcherOf, mountTeller } from "./paths.ts";
import { rejectionOf } from "./rejection.ts";
import type { HandedOver, NeedsChecksum, Valetkey } from "./valetkey.ts";
import type { PolicyOptions, ValetkeyOptions } from "./valetkey-options.ts";

/**
 * Makes the service, for calls and for `fetch`; nothing is loaded or connected before its first
 * use. `requestUpload` knows the names of the policies and whether they need a checksum.
 *
 * Throws a `TypeError` that names every wrong option.
 */
export function createValetkey<
  Algorithm extends ChecksumAlgorithm,
  const Files extends PolicyOptions = {},
  const Others extends Readonly<Record<string, PolicyOptions>> = {},
>(
  options: ValetkeyOptions<Algorithm, Files, Others>,
): Valetkey<Algorithm, NeedsChecksum<Files, Others>> {
  const { store, countIn, ...settings } = configurationOf(options);
  const { failedAuthentications = "off" } = settings.limits;
  const layer = Layer.mergeAll(
    Layer.tapError(store.layer, ({ reason }) =>
      Effect.die(new Error(`The store cannot be used (${store.description}): ${reason}`)),
    ),
    limits.layer(settings.limits, countIn),
    Layer.succeed(
      Authenticator,
      limitFailures(authenticatorOf(options.authenticate), failedAuthentications),
    ),
    Layer.succeed(Organizations, organizationsOf(options.organizations)),
    Layer.succeed(Policies, settings.policies),
    random.layer,
    tokens.layer(settings.tokens, keyOfProcess),
    onConfirmedLayer(options.onConfirmed),
  ).pipe(Layer.provideMerge(logTo(options.log)));
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
  const call =
    <Asked, Given>(use: (asked: Asked) => Effect.Effect<Given, Refusal, Services>) =>
    (asked: Asked): Promise<Given> =>
      run(Effect.mapError(use(asked), rejectionOf));

  const calls = callsAt(settings.http.publicUrl);

  const base = basePathOf(settings.http.publicUrl);
  const paths = [...PATTERNS, ...mountsOf(store).map(({ path }) => `${path}/*`)].map(
    (path) => `${base}${path}`,
  );
  const isOurs = matcherOf(paths);
  const tellOfMount = mountTeller(isOurs, logOf(options.log));

  let app: Promise<ReturnType<typeof makeApp>> | undefined;
  const opened = () =>
    runtime.context().then((services) =>
      makeApp({
        services,
        readiness: undefined,
        isStopping: () => isClosed,
        corsOrigins: settings.http.corsOrigins,
        clientAddress: clientAddress(settings.http.trustedProxies),
        publicUrl: settings.http.publicUrl,
        apiAuthentication: options.openapi,
        loopbackOnly: false,
        page: undefined,
        mounts: mountsOf(store),
      }),
    );

  const fetch: Valetkey["fetch"] = async (request, from) => {
    try {
      expectOpen();
      if (request.bodyUsed) throw new Error(READ);
      const peer = peerOf(from);
      tellOfMount(request.url);
      app ??= opened();
      return await (await app).fetch(request, peer);
    } catch (cause) {
      return broken(cause, logOf(options.log));
    }
  };

  return {
    ready: () => run(ready(store.description)),
    requestUpload: call(calls.requestUpload) as Valetkey<
      Algorithm,
      NeedsChecksum<Files, Others>
    >["requestUpload"],
    confirmUpload: call(calls.confirmUpload),
    makeLink: call(calls.makeLink),
    openFile: call(calls.openFile),
    fetch,
    handles: ({ url }) => isOurs(pathIn(url)),
    paths,
    close: async () => {
      isClosed = true;
      await runtime.dispose();
    },
  };
}

/**
 * The peer that a host passes. Some servers, such as Bun, pass something else as second argument.
 */
function peerOf(from: HandedOver | null | undefined): Peer {
  const address = typeof from?.address === "string" ? from.address : undefined;
  const caller = from?.caller ?? undefined;
  return { address, principal: caller === undefined ? undefined : principalOf(caller) };
}

const READ =
  "the body of a request was read before valetkey.fetch got it; pass the request on unread";

/** Fails with what is wrong if uploads cannot be signed or the bucket does not exist. */
const ready = (description: string) =>
  Effect.gen(function* () {
    const { signing, store } = yield* yield* makePatientCheck;
    if (signing.reason !== undefined) {
      return yield* Effect.die(new Error(`Uploads cannot be signed: ${signing.reason}`));
    }
    if (store.reason !== undefined) {
      return yield* Effect.die(
        new Error(`The store is not ready (${description}): ${store.reason}`),
      );
    }
    return undefined;
  });

/** The answer if the store's code cannot be loaded, or the caller has the wrong shape. */
function broken(cause: unknown, log: ReturnType<typeof logOf>): Response {
  const requestId = crypto.randomUUID();
  log({ level: "error", message: "a request could not be answered", facts: { requestId, cause } });
  return asResponse(internalProblem(requestId));
}

/**
 * A key for this process only. Next.js loads this module once for routes and once for pages, and
 * one confirms what the other granted.
 */
const keyOfProcess = Effect.map(
  Effect.logWarning("receipts are valid only in this process and end with it; set receiptKeys"),
  () => (ofProcess[OWN_KEY] ??= randomBytes(32)),
);
const OWN_KEY = Symbol.for("valetkey/receipt-key");
const ofProcess = globalThis as { [OWN_KEY]?: Uint8Array };

const onConfirmedLayer = (tell: ValetkeyOptions["onConfirmed"]): Layer.Layer<never> =>
  tell === undefined
    ? Layer.empty
    : Layer.succeed(OnConfirmed, ({ organization, subject, ...upload }) =>
        Effect.promise(async () => tell({ organization, subject, ...plain(upload) })),
      );
