import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import type { NetConnectOpts } from "node:net";
import { Authenticator } from "../../application/ports/authenticator.ts";
import { Presigner } from "../../application/ports/presigner.ts";
import { Policies } from "../../application/ports/policies.ts";
import type { RateLimit } from "../../domain/limits.ts";
import type { CdnSettings } from "../delivery/cdn/settings.ts";
import { throughCdn } from "../delivery/cdn/through-cdn.ts";
import { layer as imageServer } from "../delivery/images/servers.ts";
import type { ImageSettings } from "../delivery/images/settings.ts";
import { layer as contentDetector } from "../content/content-detector.ts";
import * as random from "../tokens/random.ts";
import { limitFailures } from "../limits/failed-authentications.ts";
import * as limits from "../limits/layer.ts";
import type { LimitSettings } from "../limits/settings.ts";
import * as usage from "../limits/usage/layer.ts";
import type { SharedLedger } from "../limits/usage/layer.ts";
import * as tokens from "../tokens/layer.ts";
import type { TokenSettings } from "../tokens/settings.ts";

/** Settings that were read, and the parts that depend on the caller. */
interface Parts<A, E> {
  readonly settings: {
    readonly cdn: CdnSettings;
    readonly images: ImageSettings;
    readonly limits: LimitSettings;
    readonly policies: Policies["Service"];
    readonly scanner: { readonly clamd?: NetConnectOpts | undefined };
    readonly tokens: TokenSettings;
  };
  /** The store, organizations, events, and the handler of confirmed uploads. */
  readonly others: Layer.Layer<A | Presigner, E>;
  readonly authenticator: Layer.Layer<Authenticator>;
  readonly countIn: limits.SharedLimiter | undefined;
  readonly ledgerIn: SharedLedger | undefined;
  /** The limit on failed authentications without a setting for it. */
  readonly failuresByDefault: RateLimit | "off";
  /** Key of receipts without a setting for it. */
  readonly defaultKey: Effect.Effect<Uint8Array>;
}

/** Makes the service that answers uploads: all ports, but for telemetry. */
export const serviceLayer = <A, E>({ settings, ...parts }: Parts<A, E>) => {
  const { failedAuthentications = parts.failuresByDefault } = settings.limits;
  const limited = Effect.map(Authenticator, (service) =>
    limitFailures(service, failedAuthentications),
  );
  return Layer.mergeAll(
    throughCdn(settings.cdn, parts.others),
    limits.layer(settings.limits, parts.countIn),
    usage.layer(settings.limits.usage, parts.ledgerIn),
    Layer.effect(Authenticator, limited).pipe(Layer.provide(parts.authenticator)),
    Layer.succeed(Policies, settings.policies),
    scannerAt(settings.scanner.clamd),
    imageServer(settings.images),
    random.layer,
    contentDetector,
    tokens.layer(settings.tokens, parts.defaultKey),
  );
};

/** Loads the scanner's code if there is one. */
const scannerAt = (clamd: NetConnectOpts | undefined): Layer.Layer<never> =>
  clamd === undefined
    ? Layer.empty
    : Layer.unwrap(Effect.promise(async () => (await import("../content/clamd.ts")).layer(clamd)));
