import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import { type GetRequest, Presigner } from "../../../application/ports/presigner.ts";
import { isExecutable } from "../../../domain/media-type.ts";
import { isPublicKey } from "../../../domain/storage-key.ts";
import type { CdnSigner, MakeSigner } from "./make-signer.ts";
import type { CdnSettings } from "./settings.ts";

/** The signers, each in a module that is loaded only if it is used. */
const SIGNERS: Readonly<
  Record<"cloudfront" | "google", () => Promise<{ readonly make: MakeSigner }>>
> = {
  cloudfront: () => import("./cloudfront.ts"),
  google: () => import("./google.ts"),
};

/** Lets the downloads of a store go through the CDN, if there is one. */
export const throughCdn = <A, E>(
  cdn: CdnSettings,
  store: Layer.Layer<A | Presigner, E>,
): Layer.Layer<A | Presigner, E> =>
  cdn === undefined
    ? store
    : Layer.effect(Presigner, decorate(cdn)).pipe(Layer.provideMerge(store));

const decorate = Effect.fnUntraced(function* ({
  root,
  publicRoot,
  signer: key,
}: NonNullable<CdnSettings>) {
  const presigner = yield* Presigner;
  const load = async () =>
    key && (await SIGNERS[key.name]()).make(key.keyId, Redacted.value(key.key));
  const signer = yield* Effect.promise(load);
  return { ...presignerAt(presigner, root, signer), publicRoot };
});

/**
 * Signs the GETs of browsers for the CDN; without a signer, only public files are read there. A CDN
 * may ignore what a URL says of the answer, so the store itself serves types that browsers execute,
 * other files to be saved, and named versions.
 */
export const presignerAt = (
  presigner: Presigner["Service"],
  root: string,
  signer: CdnSigner | undefined,
): Presigner["Service"] => ({
  ...presigner,
  get: (request) =>
    isForCdn(request, signer !== undefined)
      ? Effect.clockWith((clock) => {
          const { key, lifetime, responseDisposition, window } = request;
          const moment = clock.currentTimeMillisUnsafe();
          const step = window === undefined ? 0 : Duration.toMillis(window);
          const start = step > 0 ? Math.floor(moment / step) * step : moment;
          const end = Math.floor(start / 1000) + Duration.toSeconds(lifetime);
          const url = `${root}/${key}`;
          return Effect.succeed({
            method: "GET",
            url: signer?.sign(url, end, responseDisposition) ?? url,
            headers: {},
            expiresAt: DateTime.makeUnsafe(end * 1000),
          });
        })
      : presigner.get(request),
  ...(signer && {
    cookies: (prefix: string, end: DateTime.Utc) => ({
      prefix: `${root}/${prefix}`,
      cookies: signer.cookies(`${root}/${prefix}`, Math.floor(DateTime.toEpochMillis(end) / 1000)),
    }),
  }),
});

const isForCdn = (request: GetRequest, isSigned: boolean): boolean =>
  request.audience === "public" &&
  request.version === undefined &&
  request.responseDisposition.startsWith("inline") &&
  !isExecutable(request.responseMediaType) &&
  (isSigned || isPublicKey(request.key));
