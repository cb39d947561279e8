import type * as Context from "effect/Context";
import type { SecureRandom } from "effect/crypto/SecureRandom";
import type { ReadinessCheck } from "../../application/store/check-readiness.ts";
import type { Authenticator } from "../../application/ports/authenticator.ts";
import type { Limiter } from "../../application/ports/limiter.ts";
import type { ObjectStore } from "../../application/ports/object-store.ts";
import type { Organizations } from "../../application/ports/organizations.ts";
import type { Policies } from "../../application/ports/policies.ts";
import type { Presigner } from "../../application/ports/presigner.ts";
import type { Tokens } from "../../application/ports/tokens.ts";
import type { RequestWatch } from "../values/spans.ts";
import type { StoreName } from "../../domain/place.ts";
import type { Answer } from "./answer.ts";
import type { ClientAddress } from "./client-address.ts";
import type { HttpContext } from "./env.ts";

/** The ports that the operations need. */
export type Services =
  | Authenticator
  | Limiter
  | ObjectStore
  | Organizations
  | Policies
  | Presigner
  | SecureRandom
  | Tokens;

/** A handler for every path under another one. */
export interface Mount {
  /** Begins with a slash and does not end with one. */
  readonly path: string;
  readonly fetch: (
    request: Request,
    onAnnounced: (key: string, store?: StoreName) => Promise<unknown>,
  ) => Promise<Response>;
}

/** The parts of the application. */
export interface AppOptions {
  readonly services: Context.Context<Services>;
  /** The state for `/readyz`; without it there are no probes, which the host has. */
  readonly readiness: ReadinessCheck | undefined;
  /** Returns true if the service is stopping. */
  readonly isStopping: () => boolean;
  readonly corsOrigins: ReadonlyArray<string>;
  /** Returns the address of the client; that of the connection if left out. */
  readonly clientAddress?: ClientAddress;
  /** The address for clients, with the path that the service is mounted under, if any. */
  readonly publicUrl: URL;
  /** The address before the keys of public files, if a CDN or the bucket serves them. */
  readonly cdn?: string | undefined;
  /** The authentication that `/openapi.json` describes; a bearer token if left out. */
  readonly apiAuthentication?: ApiAuthentication | undefined;
  /** True if only requests from this machine are answered. */
  readonly loopbackOnly: boolean;
  /** The page of the first run. Its files are part of no bundle, so it is not imported here. */
  readonly page?: ReadonlyArray<PageFile> | undefined;
  readonly mounts: ReadonlyArray<Mount>;
  readonly watch?: RequestWatch | undefined;
  /** Access to `/metrics`; not served if left out. */
  readonly metrics?: MetricsAccess | undefined;
}

/** The metrics, and the check of who may read them. */
export interface MetricsAccess {
  /** Returns true for all requests if no token is needed. */
  readonly hasToken: (headers: Headers) => boolean;
  /** Formats the metrics for Prometheus. */
  readonly scrape: () => string;
}

/** A file of the page, for `GET` and `HEAD`. */
export interface PageFile {
  readonly path: `/${string}`;
  /** Undefined if it is not there. */
  readonly answer: (c: HttpContext) => Promise<Answer | undefined>;
}

/** The authentication of callers, in the terms of OpenAPI. */
export interface ApiAuthentication {
  readonly securitySchemes: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly security: ReadonlyArray<Readonly<Record<string, ReadonlyArray<string>>>>;
}
