import * as Cause from "effect/Cause";
import * as Context from "effect/Context";
import type { SecureRandom } from "effect/crypto/SecureRandom";
import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { admit } from "../../application/admit.ts";
import {
  Audit,
  type AuditedAction,
  type AuditedFacts,
  tellNobody,
} from "../../application/ports/audit.ts";
import { Authenticator, type Call } from "../../application/ports/authenticator.ts";
import type { Limiter } from "../../application/ports/limiter.ts";
import type { ObjectStore } from "../../application/ports/object-store.ts";
import type { Organizations } from "../../application/ports/organizations.ts";
import type { Policies } from "../../application/ports/policies.ts";
import type { Presigner } from "../../application/ports/presigner.ts";
import type { Tokens } from "../../application/ports/tokens.ts";
import { OrganizationSlug } from "../../domain/organization.ts";
import type { Scope } from "../../domain/principal.ts";
import { refuse } from "./answer.ts";
import type { ClientAddress } from "./client-address.ts";
import type { HttpContext } from "./env.ts";
import { problemOf, type Refusal } from "./problem.ts";
import { rateLimitHeaders } from "./rate-limit-headers.ts";

/** What the routes need to run their use cases. */
export type Services =
  | Authenticator
  | Limiter
  | ObjectStore
  | Organizations
  | Policies
  | Presigner
  | SecureRandom
  | Tokens;

/** Notes what a request turns out to be about, for the audit. */
export type Note = (facts: AuditedFacts) => void;

/** How requests are decided with these services. */
export function decisions(
  services: Context.Context<Services>,
  clientAddress: ClientAddress = ({ address }) => address,
) {
  const log = Effect.runForkWith(services);
  const run = Effect.runPromiseExitWith(services);
  const audit = Context.get(services, Audit);
  const { authenticate, recognize = authenticate } = Context.get(services, Authenticator);

  const callOf = (c: HttpContext): Call => {
    const call = { headers: c.req.raw.headers, address: c.env.address };
    return { ...call, client: clientAddress(call) };
  };

  /** Answers with what comes of an attempt, and tells the audit. */
  const decide = async <A>(
    c: HttpContext,
    action: AuditedAction,
    attempt: (note: Note) => Promise<Exit.Exit<A, Refusal>>,
    respond: (value: A) => Response,
  ): Promise<Response> => {
    const facts: AuditedFacts = {};
    const requestId = c.get("requestId");
    const done = await attempt((more) => Object.assign(facts, more));
    const refusal = Exit.isSuccess(done) ? undefined : Cause.findError(done.cause);
    const event = {
      ...facts,
      action,
      refusal: refusal && codeOf(refusal),
      address: callOf(c).client,
      requestId,
    };
    if (audit !== tellNobody) log(Effect.flatMap(DateTime.now, (at) => audit({ ...event, at })));
    if (Exit.isSuccess(done)) return respond(done.value);
    // A typed failure is the caller's to know; any other is the service's own, for `onError`.
    if (refusal === undefined || Result.isFailure(refusal)) throw Cause.squash(done.cause);
    if ("reason" in refusal.success) {
      const { _tag, reason } = refusal.success;
      log(Effect.logWarning(REASONS[_tag], { requestId, reason }));
    }
    return refuse(c, refusal.success);
  };

  /** Lets the caller in to the organization in the address. */
  const enter = async (c: HttpContext, scope: Scope, note: Note) => {
    const { principal } = c.env;
    const known = principal === undefined ? authenticate(callOf(c)) : Effect.succeed(principal);
    const slug = c.req.param("slug") ?? "";
    if (isSlug(slug)) note({ slug });
    const entered = await run(
      Effect.flatMap(known, (principal) => {
        note({ principal });
        return admit({ principal, slug, scope });
      }),
    );
    if (Exit.isSuccess(entered)) {
      const { organization, allowances } = entered.value;
      note({ organization });
      Object.assign(c.get("answerHeaders"), rateLimitHeaders(allowances));
    }
    return entered;
  };

  /** Whether a request comes with what makes a caller known, whoever that is. */
  const isKnown = async (c: HttpContext): Promise<boolean> =>
    Exit.isSuccess(
      // Probes come often and without a token, which is no failure.
      await run((c.req.raw.headers.has("authorization") ? authenticate : recognize)(callOf(c))),
    );

  return { addressOf: (c: HttpContext) => callOf(c).client, decide, enter, isKnown, run };
}

/** What the log says of refusals that are the operator's to mend. */
const REASONS = {
  IdentityUnavailable: "cannot tell who calls",
  LimitsUnavailable: "cannot keep count",
  CredentialsUnavailable: "cannot sign",
  StoreUnavailable: "cannot ask the store",
} as const;

const isSlug = Schema.is(OrganizationSlug);

/** The code by which the audit knows a refusal. */
const codeOf = (refusal: Result.Result<Refusal, unknown>): string =>
  Result.isSuccess(refusal) ? problemOf(refusal.success).code : "INTERNAL";
