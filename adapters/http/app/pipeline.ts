import * as Cause from "effect/Cause";
import * as Clock from "effect/Clock";
import * as Context from "effect/Context";
import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Result from "effect/Result";
import { ParentSpan } from "effect/Tracer";
import { admit, type Member } from "../../../application/admit.ts";
import {
  Audit,
  type AuditEvent,
  type AuditedFacts,
  noAudit,
} from "../../../application/ports/audit.ts";
import {
  Authenticator,
  type Call,
  countFailure,
} from "../../../application/ports/authenticator.ts";
import { Policies } from "../../../application/ports/policies.ts";
import { Presigner } from "../../../application/ports/presigner.ts";
import { type StoreChoice, type StoreContext, Stores } from "../../../application/ports/stores.ts";
import { isSlug } from "../../../domain/organization.ts";
import { publicAddresses } from "../addresses.ts";
import type { Answer } from "../answer.ts";
import type { HttpContext } from "../env.ts";
import type { Operation, PublicRequest, Route } from "../operations/operation.ts";
import type { AppOptions, Services } from "../options.ts";
import { refuse } from "../problems/answer-problem.ts";
import { problemFrom, type Refusal } from "../problems/problem.ts";
import { logReason } from "../problems/log-reason.ts";
import { rateLimitHeaders } from "../problems/table.ts";
import { readJson } from "../operations/request-body.ts";
import { traceIdIn } from "./trace-id.ts";

/**
 * Handles requests to an operation or a public route: admits the caller, reads the body, runs the
 * operation, and reports the outcome to the audit.
 */
export function pipeline(options: AppOptions, routes: ReadonlyArray<Route>) {
  const { services, publicUrl, clientAddress = ({ address }) => address } = options;
  const audit = Context.get(services, Audit);
  const clock = Context.get(services, Clock.Clock);
  const { authenticate } = Context.get(services, Authenticator);
  const stores = Context.get(services, Stores);

  const runIn = (context: Context.Context<Services>) => {
    const fork = Effect.runForkWith(context);
    return {
      publicAddress: publicAddresses(
        Context.get(context, Policies),
        publicUrl,
        stores === undefined ? options.cdn : Context.get(context, Presigner).publicRoot,
      ),
      /** Runs a program; one that does not wait costs no promise. */
      run: <A, E>(program: Effect.Effect<A, E, Services>) => {
        const fiber = fork(program);
        return (
          fiber.pollUnsafe() ??
          new Promise<Exit.Exit<A, E>>((resolve) => fiber.addObserver(resolve))
        );
      },
    };
  };
  const everywhere = runIn(services);
  const { run } = everywhere;
  const inStores = new WeakMap<StoreContext, typeof everywhere>();
  const runInStore = (store: StoreContext) => {
    let known = inStores.get(store);
    if (known === undefined) {
      known = runIn(Context.merge(services, store));
      inStores.set(store, known);
    }
    return known;
  };
  const oneStore = Exit.succeed(everywhere);

  /** Finds where the operations of a member run: at once, if its store is open. */
  const placeFor = (
    c: HttpContext,
    { of }: StoreChoice,
    { organization, principal, slug }: Member,
  ) => {
    const place = Effect.mapEager(of({ organization, caller: { principal, slug } }), runInStore);
    return Exit.isExit(place) ? (place as typeof oneStore) : run(inSpan(c, place));
  };

  // Eager: saves 30 of 500 calls to Effect for a caller who is known at once.
  const admitCaller = (
    { c, call, recordFacts }: PublicRequest,
    { scope, own }: Pick<Operation, "scope" | "own">,
  ) => {
    const slug = c.req.param("slug") ?? "";
    if (recordFacts !== undefined && isSlug(slug)) recordFacts({ slug });
    const known = c.env?.principal;
    return Effect.flatMapEager(
      known === undefined ? counted(call, authenticate(call)) : Effect.succeed(known),
      (principal) => admit({ principal, slug, scope, own, recordFacts }),
    );
  };

  /** Runs an operation in the store of its organization. */
  const operate = async (
    { c, requestId }: PublicRequest,
    route: Operation,
    member: Member,
  ): Promise<Exit.Exit<Answer, Refusal>> => {
    const place = stores === undefined ? oneStore : await placeFor(c, stores, member);
    if (Exit.isFailure(place)) return Exit.failCause(place.cause);
    const input =
      route.body === undefined
        ? Result.succeed(route.query?.(c, member))
        : await readJson(c.req.raw, route.bodyLimit);
    if (Result.isFailure(input)) return Exit.fail(input.failure);
    const { run, publicAddress } = place.value;
    const { headers } = c.req.raw;
    const context = { member, publicUrl, publicAddress, headers, requestId };
    return run(inSpan(c, route.answerTo(context, input.success)));
  };

  return async (c: HttpContext, route: Route, requestId: string) => {
    const { action } = route;
    const isAudited = action !== undefined && audit !== noAudit;
    const each: Array<AuditedFacts> = [];
    const { headers } = c.req.raw;
    const address = c.env?.address;
    const client = clientAddress({ headers, address });
    const facts: AuditedFacts & Pick<AuditEvent, "address" | "requestId" | "traceId"> = {
      address: client,
      requestId,
      traceId: isAudited ? (c.get("span")?.traceId ?? traceIdIn(headers)) : undefined,
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
    /** Headers of the answer, for any outcome. */
    let common: Readonly<Record<string, string>> | undefined;
    try {
      if ("handler" in route) {
        outcome = await run(inSpan(c, counted(request.call, route.handler(request))));
      } else {
        const admitted = await run(inSpan(c, admitCaller(request, route)));
        if (Exit.isFailure(admitted)) outcome = Exit.failCause(admitted.cause);
        else {
          const member = admitted.value;
          if (member.allowances.length > 0) common = rateLimitHeaders(member.allowances);
          outcome = await operate(request, route, member);
        }
      }
    } catch (defect) {
      // An error before the fiber runs is audited like one in it.
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
      else for (const uploadFacts of each) run(audit({ ...event, ...uploadFacts }));
    }
    const answer = Exit.isSuccess(outcome) ? outcome.value : answerFailure(request, outcome.cause);
    return common === undefined ? answer : { ...answer, headers: { ...common, ...answer.headers } };
  };

  function answerFailure({ c, requestId }: PublicRequest, cause: Cause.Cause<Refusal>): Answer {
    const refusal = Cause.findError(cause);
    // A typed failure is for the caller; any other is a fault of the service.
    if (Result.isFailure(refusal)) throw Cause.squash(cause);
    run(logReason(refusal.success, requestId));
    return refuse(c, refusal.success, requestId);
  }
}

const inSpan = <A, E, R>(c: HttpContext, program: Effect.Effect<A, E, R>) => {
  const span = c.get("span");
  return span === undefined ? program : Effect.provideService(program, ParentSpan, span);
};

const counted = <A>(call: Call, answered: Effect.Effect<A, Refusal, Services>) =>
  Effect.catchEager(answered, (refusal): Effect.Effect<never, Refusal, Services> =>
    refusal._tag === "Unauthenticated" ? countFailure(call, refusal) : Effect.fail(refusal),
  );

const codeFor = (refusal: Result.Result<Refusal, unknown>): string =>
  Result.isSuccess(refusal) ? problemFrom(refusal.success).code : "INTERNAL";
