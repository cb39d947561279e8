import * as Cause from "effect/Cause";
import * as Context from "effect/Context";
import * as DateTime from "effect/DateTime";
import type { SecureRandom } from "effect/crypto/SecureRandom";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { Hono } from "hono";
import type { Readiness } from "../../application/check-readiness.ts";
import { admit } from "../../application/admit.ts";
import { Audit, type AuditedAction, type AuditedFacts } from "../../application/ports/audit.ts";
import { Authenticator, type Call } from "../../application/ports/authenticator.ts";
import type { Limiter } from "../../application/ports/limiter.ts";
import type { ObjectStore } from "../../application/ports/object-store.ts";
import type { Organizations } from "../../application/ports/organizations.ts";
import type { Policies } from "../../application/ports/policies.ts";
import { Presigner } from "../../application/ports/presigner.ts";
import type { Tokens } from "../../application/ports/tokens.ts";
import { OrganizationSlug } from "../../domain/organization.ts";
import type { Scope } from "../../domain/principal.ts";
import { answer, answerProblem, passOn, refuse } from "./answer.ts";
import { confirm } from "./confirm.ts";
import { crossOrigin } from "./cross-origin.ts";
import { discardBody } from "./discard-body.ts";
import type { HttpContext, HttpEnv } from "./env.ts";
import { links } from "./links.ts";
import { loopbackOnly } from "./loopback-only.ts";
import type { Mount } from "./mounts.ts";
import type { Operation } from "./operation.ts";
import { follow, open, redirect } from "./open.ts";
import { page } from "./page.ts";
import { presign } from "./presign.ts";
import { internalProblem, problemOf, type Refusal } from "./problem.ts";
import { rateLimitHeaders } from "./rate-limit-headers.ts";
import { readJson } from "./read-json.ts";
import { answerReadiness } from "./answer-readiness.ts";
import { MethodNotAllowed, NotFound } from "./refusals.ts";
import { requestLog } from "./request-log.ts";

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

/** What the application is made of. */
export interface AppOptions {
  readonly services: Context.Context<Services>;
  readonly readiness: Effect.Effect<Readiness>;
  /** Whether the service has been told to stop. */
  readonly isStopping: () => boolean;
  readonly corsOrigins: ReadonlyArray<string>;
  /** How clients reach the service; without a path. */
  readonly publicUrl: URL;
  /** Answer this machine only, and show the page to try the service on. */
  readonly development: { readonly loopbackOnly: boolean } | undefined;
  readonly mounts: ReadonlyArray<Mount>;
}

/** A store refuses a `HEAD` of what was signed for `GET`. */
const GET_ALONE = new MethodNotAllowed({ allow: "GET" });

const FILE = "/api/v1/orgs/:slug/files/:year/:month/:name";

/** What the log says of refusals that are the operator's to mend. */
const REASONS = {
  IdentityUnavailable: "cannot tell who calls",
  LimitsUnavailable: "cannot keep count",
  CredentialsUnavailable: "cannot sign",
  StoreUnavailable: "cannot ask the store",
} as const;

/** What can be asked of an organization's files, by the last segment of its address. */
const OPERATIONS: ReadonlyArray<
  readonly [AuditedAction, Scope, (request: Operation) => Effect.Effect<unknown, Refusal, Services>]
> = [
  ["presign", "write", presign],
  ["confirm", "confirm", confirm],
  ["links", "read", links],
];

/** The service as a web-standard handler: `app.fetch(request, peer)`. */
export function makeApp(options: AppOptions): Hono<HttpEnv> {
  const app = new Hono<HttpEnv>();
  const log = Effect.runForkWith(options.services);
  const run = Effect.runPromiseExitWith(options.services);
  const audit = Context.get(options.services, Audit);

  /** A typed failure is the caller's to know; any other is the service's own, for `onError`. */
  const answerFailure = (c: HttpContext, cause: Cause.Cause<Refusal>): Response => {
    const refusal = Cause.findError(cause);
    if (Result.isFailure(refusal)) throw Cause.squash(cause);
    if ("reason" in refusal.success) {
      const { _tag, reason } = refusal.success;
      log(Effect.logWarning(REASONS[_tag], { requestId: c.get("requestId"), reason }));
    }
    return refuse(c, refusal.success);
  };

  app.onError((error, c) => {
    const requestId = c.get("requestId");
    log(Effect.logError("request failed", { requestId, cause: Cause.pretty(Cause.die(error)) }));
    return answerProblem(c, internalProblem(requestId));
  });
  app.notFound((c) => refuse(c, new NotFound()));
  app.use(requestLog(log, options.isStopping));
  if (options.development?.loopbackOnly === true) app.use(loopbackOnly);
  app.use(discardBody);

  /** Answers with what comes of an attempt, and tells the audit. */
  const decide = async <A>(
    c: HttpContext,
    action: AuditedAction,
    attempt: (note: Operation["note"]) => Promise<Exit.Exit<A, Refusal>>,
    respond: (value: A) => Response,
  ): Promise<Response> => {
    let facts: AuditedFacts = {};
    const done = await attempt((more) => (facts = { ...facts, ...more }));
    const event = {
      ...facts,
      at: DateTime.makeUnsafe(Date.now()),
      action,
      refusal: Exit.isSuccess(done) ? undefined : codeOf(done.cause),
      address: c.env.address,
      requestId: c.get("requestId"),
    };
    log(audit(event));
    return Exit.isSuccess(done) ? respond(done.value) : answerFailure(c, done.cause);
  };

  /** Lets the caller in to the organization in the address. */
  const enter = async (c: HttpContext, scope: Scope, note: Operation["note"]) => {
    const call = { headers: c.req.raw.headers, address: c.env.address };
    const slug = c.req.param("slug") ?? "";
    const entered = await run(
      Effect.flatMap(authenticate(call), (principal) => {
        note({ principal, ...(isSlug(slug) ? { slug } : {}) });
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

  const sharing = crossOrigin(options.corsOrigins);
  app.use("/api/*", sharing);
  for (const [action, scope, operation] of OPERATIONS) {
    const path = `/api/v1/orgs/:slug/files/${action}`;
    app.post(path, (c) =>
      decide(
        c,
        action,
        async (note) => {
          const entered = await enter(c, scope, note);
          if (Exit.isFailure(entered)) return Exit.failCause(entered.cause);
          const body = await readJson(c.req.raw);
          if (Result.isFailure(body)) return Exit.fail(body.failure);
          return run(
            operation({
              member: entered.value,
              slug: c.req.param("slug") ?? "",
              body: body.success,
              idempotencyKey: c.req.raw.headers.get("idempotency-key"),
              publicUrl: options.publicUrl,
              note,
            }),
          );
        },
        (value) => answer(c, value),
      ),
    );
    app.all(path, (c) => refuse(c, new MethodNotAllowed({ allow: "POST" })));
  }

  app.get(FILE, (c) => {
    if (c.req.method === "HEAD") return refuse(c, GET_ALONE);
    return decide(
      c,
      "open",
      async (note) => {
        const entered = await enter(c, "read", note);
        if (Exit.isFailure(entered)) return Exit.failCause(entered.cause);
        const file = { note, member: entered.value, address: c.req.url };
        return run(open(c.req.param(), file));
      },
      (opened) => redirect(c, opened),
    );
  });
  app.get("/f/:token", (c) => {
    if (c.req.method === "HEAD") return refuse(c, GET_ALONE);
    return decide(
      c,
      "follow",
      (note) => run(follow(c.req.param("token"), { note })),
      (opened) => redirect(c, opened),
    );
  });
  app.all("/f/:token", (c) => refuse(c, GET_ALONE));
  app.all(FILE, (c) => refuse(c, GET_ALONE));

  app.get("/healthz", (c) => answer(c, { status: "alive" }));
  app.get("/readyz", async (c) => {
    return answerReadiness(c, await Effect.runPromise(options.readiness), options.isStopping());
  });
  for (const path of ["/healthz", "/readyz"]) {
    app.all(path, (c) => refuse(c, new MethodNotAllowed({ allow: "GET, HEAD" })));
  }
  for (const { path, fetch } of options.mounts) {
    app.use(`${path}/*`, sharing);
    app.all(`${path}/*`, async (c) => passOn(c, await fetch(c.req.raw)));
  }
  if (options.development !== undefined) {
    app.route("/", page(Context.get(options.services, Presigner).publicOrigin));
  }
  return app;
}

const authenticate = (call: Call) =>
  Authenticator.use((authenticator) => authenticator.authenticate(call));

const isSlug = Schema.is(OrganizationSlug);

/** The code by which the audit knows a refusal. */
function codeOf(cause: Cause.Cause<Refusal>): string {
  const refusal = Cause.findError(cause);
  return Result.isSuccess(refusal) ? problemOf(refusal.success).code : "INTERNAL";
}
