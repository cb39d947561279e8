import * as Cause from "effect/Cause";
import * as Context from "effect/Context";
import type { SecureRandom } from "effect/crypto/SecureRandom";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Result from "effect/Result";
import { Hono } from "hono";
import type { Readiness } from "../../application/check-readiness.ts";
import type { Authenticator } from "../../application/ports/authenticator.ts";
import type { ObjectStore } from "../../application/ports/object-store.ts";
import type { Organizations } from "../../application/ports/organizations.ts";
import type { Policies } from "../../application/ports/policies.ts";
import { Presigner } from "../../application/ports/presigner.ts";
import type { Tokens } from "../../application/ports/tokens.ts";
import { answer, answerProblem, passOn, refuse } from "./answer.ts";
import { authenticate } from "./authenticate.ts";
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
import { internalProblem, type Refusal } from "./problem.ts";
import { readJson } from "./read-json.ts";
import { answerReadiness } from "./answer-readiness.ts";
import { MethodNotAllowed, NotFound } from "./refusals.ts";
import { requestLog } from "./request-log.ts";

/** What the routes need to run their use cases. */
export type Services =
  | Authenticator
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
  CredentialsUnavailable: "cannot sign",
  StoreUnavailable: "cannot ask the store",
} as const;

/** What can be asked of an organization's files, by the last segment of its address. */
const OPERATIONS: Readonly<
  Record<string, (request: Operation) => Effect.Effect<unknown, Refusal, Services>>
> = { presign, confirm, links };

/** The service as a web-standard handler: `app.fetch(request, peer)`. */
export function makeApp(options: AppOptions): Hono<HttpEnv> {
  const app = new Hono<HttpEnv>();
  const log = Effect.runForkWith(options.services);
  const run = Effect.runPromiseExitWith(options.services);

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

  const sharing = crossOrigin(options.corsOrigins);
  app.use("/api/*", sharing);
  for (const [name, operation] of Object.entries(OPERATIONS)) {
    const path = `/api/v1/orgs/:slug/files/${name}`;
    app.post(path, async (c) => {
      const caller = await run(authenticate(c.req.raw));
      if (Exit.isFailure(caller)) return answerFailure(c, caller.cause);
      const body = await readJson(c.req.raw);
      if (Result.isFailure(body)) return refuse(c, body.failure);
      const { publicUrl } = options;
      const slug = c.req.param("slug") ?? "";
      const request = { principal: caller.value, slug, body: body.success, publicUrl };
      const done = await run(operation(request));
      return Exit.isSuccess(done) ? answer(c, done.value) : answerFailure(c, done.cause);
    });
    app.all(path, (c) => refuse(c, new MethodNotAllowed({ allow: "POST" })));
  }

  app.get(FILE, async (c) => {
    if (c.req.method === "HEAD") return refuse(c, GET_ALONE);
    const caller = await run(authenticate(c.req.raw));
    if (Exit.isFailure(caller)) return answerFailure(c, caller.cause);
    const opened = await run(open({ principal: caller.value, ...c.req.param() }, c.req.url));
    return Exit.isSuccess(opened) ? redirect(c, opened.value) : answerFailure(c, opened.cause);
  });
  app.get("/f/:token", async (c) => {
    if (c.req.method === "HEAD") return refuse(c, GET_ALONE);
    const opened = await run(follow(c.req.param("token")));
    return Exit.isSuccess(opened) ? redirect(c, opened.value) : answerFailure(c, opened.cause);
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
