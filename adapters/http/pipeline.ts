import * as Cause from "effect/Cause";
import * as Context from "effect/Context";
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
import { Authenticator } from "../../application/ports/authenticator.ts";
import { OrganizationSlug } from "../../domain/organization.ts";
import type { Scope } from "../../domain/principal.ts";
import { refuse } from "./answer.ts";
import type { HttpContext } from "./env.ts";
import { problemOf, rateLimitHeaders, type Refusal } from "./problem.ts";
import { readJson } from "./request-body.ts";
import type { AppOptions, Route, RouteRequest } from "./route.ts";

/**
 * The way of every request through its row of the table: the caller is admitted, the body is read,
 * the handler answers, and the audit hears of the outcome. What a row does not have is left out.
 */
export function pipeline(
  options: AppOptions,
  routes: ReadonlyArray<Route>,
): (c: HttpContext, route: Route) => Promise<Response> {
  const { services, clientAddress = ({ address }) => address } = options;
  const log = Effect.runForkWith(services);
  const run = Effect.runPromiseExitWith(services);
  const audit = Context.get(services, Audit);
  const { authenticate } = Context.get(services, Authenticator);

  return (c, route) =>
    withAudit(c, route.action, async (request) => {
      if (route.scope === undefined) return run(route.handler(request));
      const slug = c.req.param("slug") ?? "";
      const admitted = await admitCaller(request, slug, route.scope);
      if (Exit.isFailure(admitted)) return Exit.failCause(admitted.cause);
      const body = route.body === undefined ? undefined : await readJson(c.req.raw);
      if (body !== undefined && Result.isFailure(body)) return Exit.fail(body.failure);
      const member = admitted.value;
      return run(route.handler({ ...request, member, slug, body: body?.success }));
    });

  /** Answers with what comes of a request, and tells the audit where there is an action. */
  async function withAudit(
    c: HttpContext,
    action: AuditedAction | undefined,
    attempt: (request: RouteRequest) => Promise<Exit.Exit<Response, Refusal>>,
  ): Promise<Response> {
    const facts: AuditedFacts = {};
    const address = c.env?.address;
    const { headers } = c.req.raw;
    const client = clientAddress({ headers, address });
    const outcome = await attempt({
      c,
      options,
      routes,
      call: { headers, address, client },
      recordFacts: (more) => void Object.assign(facts, more),
    });
    const refusal = Exit.isSuccess(outcome) ? undefined : Cause.findError(outcome.cause);
    const requestId = c.get("requestId");
    if (action !== undefined && audit !== tellNobody) {
      const code = refusal && codeOf(refusal);
      const event = { ...facts, action, refusal: code, address: client, requestId };
      log(Effect.flatMap(DateTime.now, (at) => audit({ ...event, at })));
    }
    if (Exit.isSuccess(outcome)) return outcome.value;
    // A typed failure is for the caller; any other is a fault of the service, for `onError`.
    if (refusal === undefined || Result.isFailure(refusal)) throw Cause.squash(outcome.cause);
    if ("reason" in refusal.success) {
      const { _tag, reason } = refusal.success;
      log(Effect.logWarning(REASONS[_tag], { requestId, reason }));
    }
    return refuse(c, refusal.success);
  }

  /** Admits the caller to the organization in the address. */
  async function admitCaller({ c, call, recordFacts }: RouteRequest, slug: string, scope: Scope) {
    const principal = c.env?.principal;
    const known = principal === undefined ? authenticate(call) : Effect.succeed(principal);
    if (isSlug(slug)) recordFacts({ slug });
    const admitted = await run(
      Effect.flatMap(known, (principal) => {
        recordFacts({ principal });
        return admit({ principal, slug, scope });
      }),
    );
    if (Exit.isSuccess(admitted)) {
      const { organization, allowances } = admitted.value;
      recordFacts({ organization });
      Object.assign(c.get("answerHeaders"), rateLimitHeaders(allowances));
    }
    return admitted;
  }
}

/** What the log says of refusals that the operator has to mend. */
const REASONS = {
  IdentityUnavailable: "cannot check the caller or the organization",
  LimitsUnavailable: "cannot count requests",
  CredentialsUnavailable: "cannot sign",
  StoreUnavailable: "the store is unavailable",
} as const;

const isSlug = Schema.is(OrganizationSlug);

/** The code that the audit gives a refusal. */
const codeOf = (refusal: Result.Result<Refusal, unknown>): string =>
  Result.isSuccess(refusal) ? problemOf(refusal.success).code : "INTERNAL";
