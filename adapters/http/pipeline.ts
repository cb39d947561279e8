import * as Cause from "effect/Cause";
import * as Context from "effect/Context";
import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Result from "effect/Result";
import { admitWith } from "../../application/admit.ts";
import { Audit, type AuditedFacts, tellNobody } from "../../application/ports/audit.ts";
import { Authenticator } from "../../application/ports/authenticator.ts";
import { isSlug } from "../../domain/organization.ts";
import type { Scope } from "../../domain/principal.ts";
import { refuse } from "./answer.ts";
import type { HttpContext } from "./env.ts";
import { problemOf, rateLimitHeaders, type Refusal } from "./problem.ts";
import { readJson } from "./request-body.ts";
import type { AppOptions, Route, RouteRequest, Services } from "./route.ts";

/**
 * The way of every request through its row of the table: the caller is admitted, the body is read,
 * the handler answers, and the audit hears of the outcome. What a row does not have is left out.
 */
export function pipeline(
  options: AppOptions,
  routes: ReadonlyArray<Route>,
): (c: HttpContext, route: Route) => Promise<Response> {
  const { services, clientAddress = ({ address }) => address } = options;
  const fork = Effect.runForkWith(services);
  const audit = Context.get(services, Audit);
  const { authenticate } = Context.get(services, Authenticator);

  /** A program that has ended already costs no fiber, and one that does not wait no promise. */
  const run = <A, E>(program: Effect.Effect<A, E, Services>) => {
    if (hasEnded(program)) return program;
    const fiber = fork(program);
    return (
      fiber.pollUnsafe() ?? new Promise<Exit.Exit<A, E>>((resolve) => fiber.addObserver(resolve))
    );
  };

  return async (c, route) => {
    const isAudited = route.action !== undefined && audit !== tellNobody;
    const facts: AuditedFacts = {};
    let uploads: ReadonlyArray<AuditedFacts> | undefined;
    const { headers } = c.req.raw;
    const address = c.env?.address;
    const client = clientAddress({ headers, address });
    const request: RouteRequest = {
      c,
      options,
      routes,
      call: { headers, address, client },
      recordFacts: isAudited
        ? (more, each = uploads) => {
            Object.assign(facts, more);
            uploads = each;
          }
        : ignore,
    };
    const outcome = await attempt(request, route);
    const refusal = Exit.isSuccess(outcome) ? undefined : Cause.findError(outcome.cause);
    const requestId = c.get("requestId");
    if (isAudited) {
      const code = refusal && codeOf(refusal);
      const event = { ...facts, action: route.action, refusal: code, address: client, requestId };
      fork(
        Effect.flatMap(DateTime.now, (at) =>
          uploads === undefined
            ? audit({ ...event, at })
            : Effect.forEach(uploads, (own) => audit({ ...event, ...own, at }), { discard: true }),
        ),
      );
    }
    if (Exit.isSuccess(outcome)) return outcome.value;
    // A typed failure is for the caller; any other is a fault of the service.
    if (refusal === undefined || Result.isFailure(refusal)) throw Cause.squash(outcome.cause);
    if ("reason" in refusal.success) {
      const { _tag, reason } = refusal.success;
      fork(Effect.logWarning(REASONS[_tag], { requestId, reason }));
    }
    return refuse(c, refusal.success);
  };

  /** Answers a request by the handler of its route, if the caller is admitted. */
  async function attempt(
    request: RouteRequest,
    route: Route,
  ): Promise<Exit.Exit<Response, Refusal>> {
    try {
      if (route.scope === undefined) return await run(route.handler(request));
      const { c } = request;
      const slug = c.req.param("slug") ?? "";
      const admitting = run(admitCaller(request, slug, route.scope));
      const admitted = Exit.isExit(admitting) ? admitting : await admitting;
      if (Exit.isFailure(admitted)) return Exit.failCause(admitted.cause);
      const body =
        route.body === undefined ? undefined : await readJson(c.req.raw, route.bodyLimit);
      if (body !== undefined && Result.isFailure(body)) return Exit.fail(body.failure);
      const member = admitted.value;
      return run(route.handler({ ...request, member, slug, body: body?.success }));
    } catch (defect) {
      // What is thrown before a fiber runs is audited like what is thrown in one.
      return Exit.die(defect);
    }
  }

  /** Admits the caller to the organization in the address. */
  function admitCaller({ c, call, recordFacts }: RouteRequest, slug: string, scope: Scope) {
    const principal = c.env?.principal;
    const known = principal === undefined ? authenticate(call) : Effect.succeed(principal);
    if (isSlug(slug)) recordFacts({ slug });
    return Effect.flatMapEager(known, (principal) => {
      recordFacts({ principal });
      return Effect.mapEager(
        admitWith(services, { principal, slug, scope, recordFacts }),
        (admission) => {
          recordFacts({ organization: admission.organization });
          Object.assign(c.get("answerHeaders"), rateLimitHeaders(admission.allowances));
          return admission;
        },
      );
    });
  }
}

const ignore = () => undefined;

const hasEnded = <A, E, R>(program: Effect.Effect<A, E, R>): program is Exit.Exit<A, E> =>
  Exit.isExit(program);

/** What the log says of refusals that the operator has to mend. */
const REASONS = {
  IdentityUnavailable: "cannot check the caller or the organization",
  LimitsUnavailable: "cannot count requests",
  CredentialsUnavailable: "cannot sign",
  StoreUnavailable: "the store is unavailable",
} as const;

/** The code that the audit gives a refusal. */
const codeOf = (refusal: Result.Result<Refusal, unknown>): string =>
  Result.isSuccess(refusal) ? problemOf(refusal.success).code : "INTERNAL";
