import type * as Context from "effect/Context";
import type { SecureRandom } from "effect/crypto/SecureRandom";
import type * as Effect from "effect/Effect";
import type * as Schema from "effect/Schema";
import type { Member } from "../../application/admit.ts";
import type { Readiness } from "../../application/check-readiness.ts";
import type { AuditedAction, AuditedFacts } from "../../application/ports/audit.ts";
import type { Authenticator, Call } from "../../application/ports/authenticator.ts";
import type { Limiter } from "../../application/ports/limiter.ts";
import type { ObjectStore } from "../../application/ports/object-store.ts";
import type { Organizations } from "../../application/ports/organizations.ts";
import type { Policies } from "../../application/ports/policies.ts";
import type { Presigner } from "../../application/ports/presigner.ts";
import type { Tokens } from "../../application/ports/tokens.ts";
import type { Scope } from "../../domain/principal.ts";
import type { ClientAddress } from "./client-address.ts";
import type { HttpContext } from "./env.ts";
import type { OperationId } from "./openapi/texts.ts";
import type { Refusal } from "./problem.ts";
import type { InvalidBody } from "./refusals.ts";

/** What the handlers of the routes need. */
export type Services =
  | Authenticator
  | Limiter
  | ObjectStore
  | Organizations
  | Policies
  | Presigner
  | SecureRandom
  | Tokens;

/** A handler that answers everything under a path. */
export interface Mount {
  /** Begins with a slash and does not end with one. */
  readonly path: string;
  readonly fetch: (request: Request) => Promise<Response>;
}

/** What the application is made of. */
export interface AppOptions {
  readonly services: Context.Context<Services>;
  /** What `/readyz` answers; without it there are no probes, which a host answers itself. */
  readonly readiness: Effect.Effect<Readiness> | undefined;
  /** Whether the service has been told to stop. */
  readonly isStopping: () => boolean;
  readonly corsOrigins: ReadonlyArray<string>;
  /** The address of the caller; that of the connection if left out. */
  readonly clientAddress?: ClientAddress;
  /** How clients reach the service; with the path that it is mounted under, if any. */
  readonly publicUrl: URL;
  /** How `/openapi.json` says that callers identify themselves; a bearer token if left out. */
  readonly apiAuthentication?: ApiAuthentication | undefined;
  /** Whether only requests from this machine are answered. */
  readonly loopbackOnly: boolean;
  /**
   * The page to try the service on. Its files are part of no bundle, so it is not imported here.
   */
  readonly page?: ReadonlyArray<PageFile> | undefined;
  readonly mounts: ReadonlyArray<Mount>;
}

/** A file of the page, as it is answered to `GET` and `HEAD`. */
export interface PageFile {
  readonly path: `/${string}`;
  readonly answer: (c: HttpContext) => Promise<Response>;
}

/** How callers identify themselves, in the words of OpenAPI. */
export interface ApiAuthentication {
  readonly securitySchemes: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly security: ReadonlyArray<Readonly<Record<string, ReadonlyArray<string>>>>;
}

/** A request as the handler of its route gets it. */
export interface RouteRequest {
  readonly c: HttpContext;
  readonly options: AppOptions;
  /** All rows that the application serves. */
  readonly routes: ReadonlyArray<Route>;
  readonly call: Call;
  /** Records what the request turns out to be about, for the audit; of a batch, `each` upload. */
  readonly recordFacts: (facts: AuditedFacts, each?: ReadonlyArray<AuditedFacts>) => void;
}

/** A request for an organization's files, by a caller who was admitted. */
export interface MemberRequest extends RouteRequest {
  readonly member: Member;
  /** The organization's name in the address. */
  readonly slug: string;
  /** Parsed JSON, where the route takes a body. */
  readonly body: unknown;
}

/** A row of the table of routes. */
export type Route = PublicRoute<Refusal> | MemberRoute<Refusal>;

interface Row {
  /** As Hono writes it. */
  readonly path: `/${string}`;
  /** Other methods are answered with 405. */
  readonly methods: readonly ["GET" | "POST" | "DELETE", ...ReadonlyArray<"HEAD">];
  /** What the audit calls it; a route without is not audited. */
  readonly action?: AuditedAction;
  /** What the OpenAPI document calls it; a route without is not documented. */
  readonly operationId?: OperationId;
  /** Whether it tells how the service does, and so belongs to a service that stands alone. */
  readonly isProbe?: true;
  readonly body?: Schema.Constraint;
  /** How large the body may be, in bytes; 16 KiB if undefined. */
  readonly bodyLimit?: number;
  /** The JSON that it answers. */
  readonly answer?: Schema.Constraint;
  /** What its handler refuses; refusals of the caller and of the body come before it. */
  readonly refusals: { readonly [Tag in Refusal["_tag"]]?: true };
}

/** Whoever calls is answered. */
interface PublicRoute<E> extends Row {
  readonly scope?: undefined;
  readonly handler: (request: RouteRequest) => Effect.Effect<Response, E, Services>;
}

/** Members of an organization are answered who have the scope. */
interface MemberRoute<E> extends Row {
  readonly scope: Scope;
  readonly handler: (request: MemberRequest) => Effect.Effect<Response, E, Services>;
}

/** Exactly the refusals of `E`: an object of this type does not compile while one is missing. */
export type AllOf<E extends { readonly _tag: string }> = { readonly [T in E["_tag"]]: true };

/** A row for everyone, with all that its handler refuses. */
export const publicRoute = <E extends Refusal>(
  row: PublicRoute<E> & { readonly refusals: AllOf<NoInfer<E>> },
): Route => row;

/** A row for members, with all that its handler refuses beside an invalid body. */
export const memberRoute = <E extends Refusal>(
  row: MemberRoute<E> & { readonly refusals: AllOf<Exclude<E, InvalidBody>> },
): Route => row;

/** The value of `Allow` for a path. */
export const allowedMethods = (routes: ReadonlyArray<Route>, path: string): string =>
  routes
    .filter((route) => route.path === path)
    .flatMap(({ methods }) => methods)
    .join(", ");
