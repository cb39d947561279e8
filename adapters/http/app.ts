import * as Cause from "effect/Cause";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Result from "effect/Result";
import { Hono } from "hono";
import { getPath } from "hono/utils/url";
import type { Readiness } from "../../application/check-readiness.ts";
import type { AuditedAction } from "../../application/ports/audit.ts";
import { Presigner } from "../../application/ports/presigner.ts";
import type { Scope } from "../../domain/principal.ts";
import { basePathOf } from "./addresses.ts";
import { answer, answerProblem, passOn, refuse } from "./answer.ts";
import type { ClientAddress } from "./client-address.ts";
import { confirm } from "./confirm.ts";
import { crossOrigin } from "./cross-origin.ts";
import { decisions, type Services } from "./decisions.ts";
import { describeApi } from "./describe-api.ts";
import { discardBody } from "./discard-body.ts";
import type { HttpEnv } from "./env.ts";
import { links } from "./links.ts";
import { isOfThisMachine, loopbackOnly } from "./loopback-only.ts";
import type { Mount } from "./mounts.ts";
import type { ApiAuthentication } from "./openapi/document.ts";
import type { Operation } from "./operation.ts";
import { follow, open, redirect } from "./open.ts";
import { presign } from "./presign.ts";
import { internalProblem, type Refusal } from "./problem.ts";
import { readJson } from "./read-json.ts";
import { answerReadiness } from "./answer-readiness.ts";
import { MalformedRequest, MethodNotAllowed, NotFound } from "./refusals.ts";
import { requestLog } from "./request-log.ts";
import { isRewritten, pathOf } from "./request-path.ts";

/** What the application is made of. */
export interface AppOptions {
  readonly services: Context.Context<Services>;
  /** What `/readyz` answers; without it how the process does is asked elsewhere. */
  readonly readiness: Effect.Effect<Readiness> | undefined;
  /** Whether the service has been told to stop. */
  readonly isStopping: () => boolean;
  readonly corsOrigins: ReadonlyArray<string>;
  /** The address of who calls; that of the connection if left out. */
  readonly clientAddress?: ClientAddress;
  /** How clients reach the service; with the path that it is mounted under, if any. */
  readonly publicUrl: URL;
  /** What `/openapi.json` says of how callers are known; a bearer token if left out. */
  readonly apiAuthentication?: ApiAuthentication | undefined;
  /** Whether this machine alone is answered. */
  readonly loopbackOnly: boolean;
  /** The page to try the service on. Its files are part of no bundle, so it is not imported here. */
  readonly page: Hono<HttpEnv> | undefined;
  readonly mounts: ReadonlyArray<Mount>;
}

/** A store refuses a `HEAD` of what was signed for `GET`. */
const GET_ALONE = new MethodNotAllowed({ allow: "GET" });

const FILE = "/api/v1/orgs/:slug/files/:year/:month/:name";

/** What can be asked of an organization's files, by the last segment of its address. */
const OPERATIONS: ReadonlyArray<
  readonly [AuditedAction, Scope, (request: Operation) => Effect.Effect<unknown, Refusal, Services>]
> = [
  ["presign", "write", presign],
  ["confirm", "confirm", confirm],
  ["links", "read", links],
];

/** The path of a request below `base`, where the host has not cut that off. */
const pathUnder = (base: string) => (request: Request) => {
  const path = getPath(request);
  return path.startsWith(`${base}/`) ? path.slice(base.length) : path;
};

/** The service as a web-standard handler: `app.fetch(request, peer)`. */
export function makeApp(options: AppOptions): Hono<HttpEnv> {
  const base = basePathOf(options.publicUrl);
  const app = new Hono<HttpEnv>(base === "" ? {} : { getPath: pathUnder(base) });
  const log = Effect.runForkWith(options.services);
  const { addressOf, decide, enter, isKnown, run } = decisions(
    options.services,
    options.clientAddress,
  );

  app.onError((error, c) => {
    const requestId = c.get("requestId");
    log(Effect.logError("request failed", { requestId, cause: Cause.pretty(Cause.die(error)) }));
    return answerProblem(c, internalProblem(requestId));
  });
  app.notFound((c) => refuse(c, new NotFound()));
  app.use(requestLog(log, options.isStopping));
  // Of a hostile `Host` no URL can be made, which all that follows counts on.
  app.use((c, next) =>
    URL.canParse(c.req.url) ? next() : Promise.resolve(refuse(c, new MalformedRequest())),
  );
  app.use((c, next) =>
    isRewritten(pathOf(c)) ? Promise.resolve(refuse(c, new NotFound())) : next(),
  );
  if (options.loopbackOnly) app.use(loopbackOnly);
  app.use(discardBody);

  const share = crossOrigin({
    origins: options.corsOrigins,
    own: options.publicUrl.origin,
    log,
  });
  app.use("/api/*", share("GET", "POST"));
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
      (note) => {
        const asked = { note, requestId: c.get("requestId"), address: addressOf(c) };
        return run(follow(c.req.param("token"), asked));
      },
      (opened) => redirect(c, opened),
    );
  });
  app.all("/f/:token", (c) => refuse(c, GET_ALONE));
  app.all(FILE, (c) => refuse(c, GET_ALONE));

  app.use("/openapi.json", share("GET", "HEAD"));
  describeApi(app, {
    basePath: base,
    authentication: options.apiAuthentication,
    storeOrigin: () => Context.get(options.services, Presigner).publicOrigin,
  });

  const { readiness } = options;
  if (readiness !== undefined) {
    app.get("/healthz", (c) => answer(c, { status: "alive" }));
    app.get("/readyz", async (c) =>
      answerReadiness(c, await Effect.runPromise(readiness), {
        stopping: options.isStopping(),
        showsReasons: isOfThisMachine(c) || (await isKnown(c)),
      }),
    );
    for (const path of ["/healthz", "/readyz"]) {
      app.all(path, (c) => refuse(c, new MethodNotAllowed({ allow: "GET, HEAD" })));
    }
  }
  for (const { path, fetch } of options.mounts) {
    app.use(`${path}/*`, share("GET", "HEAD", "PUT"));
    app.all(`${path}/*`, async (c) => passOn(c, await fetch(c.req.raw)));
  }
  if (options.page !== undefined) app.route("/", options.page);
  return app;
}
