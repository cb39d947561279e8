import * as Context from "effect/Context";
import type * as Effect from "effect/Effect";
import type * as Redacted from "effect/Redacted";
import * as Schema from "effect/Schema";
import type { CallerKind } from "../../domain/upload-policy.ts";

/** Who calls. */
export interface Principal {
  readonly kind: CallerKind;
  /** The caller's stable name at its identity provider. */
  readonly subject: string;
}

/** The request carries no credentials, or none that are good. */
export class Unauthenticated extends Schema.TaggedError<Unauthenticated>()("Unauthenticated", {}) {}

/** Tells who holds a bearer token. */
export class Authenticator extends Context.Service<
  Authenticator,
  {
    readonly authenticate: (token: Redacted.Redacted) => Effect.Effect<Principal, Unauthenticated>;
  }
>()("valetkey/Authenticator") {}
