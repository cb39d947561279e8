import * as Cause from "effect/Cause";
import * as Clock from "effect/Clock";
import * as Context from "effect/Context";
import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Result from "effect/Result";
import { type Admission, admitWith } from "../../../application/admit.ts";
import {
  Audit,
  type AuditEvent,
  type AuditedFacts,
  tellNobody,
} from "../../../application/ports/audit.ts";
import {
  Authenticator,
  type Call,
  countFailure,
} from "../../../application/ports/authenticator.ts";
import { isSlug } from "../../../domain/organization.ts";
import type { Answer } from "../answer.ts";
import type { HttpContext } from "../env.ts";
import type { Operation, PublicRequest, Route } from "../operations/operation.ts";
import type { AppOptions, Services } from "../options.ts";
import { refuse } from "../problems/answer-problem.ts";
import { problemFrom, rateLimitHeaders, type Refusal } from "../problems/problem.ts";
import { readJson } from "../operations/request-body.ts";

/** The headers are those of the answer, whatever the outcome is. */
interface OperationResult {
  readonly outcome: Exit.Exit<Answer, Refusal>;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/**
 * Takes requests to an operation, or to a public route: the caller is admitted, the body is read,
 * the operation runs, and the audit hears of the outcome.
 */
export function pipeline(options: AppOptions, routes: ReadonlyArray<Route>) {
  const { services, publicUrl, clientAddress = ({ address }) => address } = options;
  const fork = Effect.runForkWith(services);
  const audit = Context.get(services, Audit);
  const clock = Context.get(services, Clock.Clock);
  const { authenticate } = Context.get(services, Authenticator);

  /** A program that has ended already costs no fiber, and one that does not wait no promise. */
  const run = <A, E>(program: Effect.Effect<A, E, Services>) => {
    if (hasEnded(program)) return program;
    const fiber = fork(program);
    return (
      fiber.pollUnsafe() ?? new Promise<Exit.Exit<A, E>>((resolve) => fiber.addObserver(resolve))
    );
  };

  return async (c: HttpContext, route: Route, requestId: string) => {
    const { action } = route;
    const isAudited = action !== undefined && audit !== tellNobody;
    const each: Array<AuditedFacts> = [];
    const { headers } = c.req.raw;
    const address = c.env?.address;
    const client = clientAddress({ headers, address });
    const facts: AuditedFacts & Pick<AuditEvent, "address" | "requestId"> = {
      address: client,
      requestId,
    };
    const request: PublicRequest = {
      c,
      options,
      routes,
      call: { headers, address, client },
      requestId,
      recordFacts: isAudited
        ? (more, index) => {
            if (index === undefined) Object.assign(facts, more);
            else each[index] = { ...each[index], ...more };
          }
        : undefined,
    };
    let outcome: Exit.Exit<Answer, Refusal>;
    let common: Readonly<Record<string, string>> | undefined;
    try {
      if ("handler" in route) {
        outcome = await run(counted(request.call, route.handler(request)));
      } else ({ outcome, headers: common } = await operate(request, route));
    } catch (defect) {
      // An error before a fiber runs is audited like one in a fiber.
      outcome = Exit.die(defect);
    }
    const refusal = Exit.isSuccess(outcome) ? undefined : Cause.findError(outcome.cause);
    if (isAudited && !(Exit.isSuccess(outcome) && outcome.value.isAudited)) {
      const event = Object.assign(facts, {
        at: DateTime.makeUnsafe(clock.currentTimeMillisUnsafe()),
        action,
        refusal: Exit.isSuccess(outcome) ? outcome.value.code : refusal && codeFor(refusal),
      });
      if (each.length === 0) run(audit(event));
      else for (const own of each) run(audit({ ...event, ...own }));
    }
    const answer = Exit.isSuccess(outcome) ? outcome.value : answerFailure(request, outcome.cause);
    return common === undefined ? answer : { ...answer, headers: { ...common, ...answer.headers } };
  };

  function answerFailure({ c, requestId }: PublicRequest, cause: Cause.Cause<Refusal>): Answer {
    const refusal = Cause.findError(cause);
    // A typed failure is for the caller; any other is a fault of the service.
    if (Result.isFailure(refusal)) throw Cause.squash(cause);
    if ("reason" in refusal.success) {
      const { _tag, reason, ...facts } = refusal.success;
      const kind = "kind" in facts ? { kind: facts.kind } : {};
      run(Effect.logWarning(REASONS[_tag], { requestId, ...kind, reason }));
    }
    return refuse(c, refusal.success, requestId);
  }

  async function operate(request: PublicRequest, operation: Operation): Promise<OperationResult> {
    const { c } = request;
    const { scope, body, bodyLimit, query } = operation;
    const admitting = run(admitCaller(request, scope));
    const admitted = Exit.isExit(admitting) ? admitting : await admitting;
    if (Exit.isFailure(admitted)) return { outcome: Exit.failCause(admitted.cause) };
    const member = admitted.value;
    const headers = rateLimitHeaders(member.allowances);
    let input: unknown;
    if (body === undefined) input = query?.(c, member);
    else {
      const read = await readJson(c.req.raw, bodyLimit);
      if (Result.isFailure(read)) return { outcome: Exit.fail(read.failure), headers };
      input = read.success;
    }
    const running = run(operation.answerTo({ member, publicUrl, isRequest: true }, input));
    return { outcome: Exit.isExit(running) ? running : await running, headers };
  }

  function admitCaller({ c, call, recordFacts }: PublicRequest, scope: Operation["scope"]) {
    const slug = c.req.param("slug") ?? "";
    const principal = c.env?.principal;
    const known =
      principal === undefined ? counted(call, authenticate(call)) : Effect.succeed(principal);
    if (isSlug(slug)) recordFacts?.({ slug });
    return Effect.flatMapEager(known, (principal) => {
      recordFacts?.({ principal });
      return Effect.mapEager(
        admitWith(services, { principal, slug, scope, recordFacts }),
        (admission): Admission => {
          recordFacts?.({ organization: admission.organization });
          return admission;
        },
      );
    });
  }
}

/** Most callers are known at once. */
const counted = <A>(call: Call, answered: Effect.Effect<A, Refusal, Services>) =>
  hasEnded(answered) && Exit.isSuccess(answered)
    ? answered
    : Effect.catchTag(answered, "Unauthenticated", countFailure(call));

const hasEnded = <A, E, R>(program: Effect.Effect<A, E, R>): program is Exit.Exit<A, E> =>
  Exit.isExit(program);

const REASONS = {
  IdentityUnavailable: "cannot check the caller or the organization",
  LimitsUnavailable: "cannot count requests",
  CredentialsUnavailable: "cannot sign",
  StoreUnavailable: "the store is unavailable",
  ScannerUnavailable: "the scanner is unavailable",
  EventsUnavailable: "the queue of events is unavailable",
} as const;

const codeFor = (refusal: Result.Result<Refusal, unknown>): string =>
  Result.isSuccess(refusal) ? problemFrom(refusal.success).code : "INTERNAL";
