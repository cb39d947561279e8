import * as Cause from "effect/Cause";
import * as Effect from "effect/Effect";
import { Hono } from "hono";
import { getPath } from "hono/utils/url";
import { basePathOf } from "./addresses.ts";
import { answerProblem, passOn, refuse } from "./answer.ts";
import { crossOrigin } from "./cross-origin.ts";
import { discardBody } from "./request-body.ts";
import type { HttpContext, HttpEnv } from "./env.ts";
import { isLoopback } from "./loopback.ts";
import { pipeline } from "./pipeline.ts";
import { internalProblem, type Refusal } from "./problem.ts";
import { LoopbackOnly, MalformedRequest, MethodNotAllowed, NotFound } from "./refusals.ts";
import { requestLog } from "./request-log.ts";
import { isRewritten, requestPath } from "./addresses.ts";
import { allowedMethods, type AppOptions, type Route } from "./route.ts";
import { ROUTES } from "./routes.ts";

export type { AppOptions } from "./route.ts";

/** The service as a web-standard handler: `app.fetch(request, peer)`. */
export function makeApp(options: AppOptions): Hono<HttpEnv> {
  const base = basePathOf(options.publicUrl);
  const app = new Hono<HttpEnv>(base === "" ? {} : { getPath: pathUnder(base) });
  const log = Effect.runForkWith(options.services);

  app.onError((error, c) => {
    const requestId = c.get("requestId");
    log(Effect.logError("request failed", { requestId, cause: Cause.pretty(Cause.die(error)) }));
    return answerProblem(c, internalProblem(requestId));
  });
  app.notFound((c) => refuse(c, new NotFound()));
  app.use(requestLog(log, options.isStopping));
  app.use((c, next) => {
    const refusal = refusalBeforeRouting(c, options);
    return refusal === undefined ? next() : Promise.resolve(refuse(c, refusal));
  });
  app.use(discardBody);

  const share = crossOrigin({
    origins: options.corsOrigins,
    own: options.publicUrl.origin,
    log,
  });
  app.use("/api/*", share("GET", "POST"));
  app.use("/openapi.json", share("GET", "HEAD"));

  const isServed = ({ isProbe }: Route) => isProbe !== true || options.readiness !== undefined;
  const routes = ROUTES.filter(isServed);
  const run = pipeline(options, routes);
  for (const [path, rows] of Map.groupBy(routes, (route) => route.path)) {
    const notAllowed = new MethodNotAllowed({ allow: allowedMethods(routes, path) });
    for (const route of rows) {
      const [method] = route.methods;
      // Hono hands HEAD to what is there for GET.
      app.on(method, path, (c) =>
        c.req.method === method || route.methods.includes("HEAD")
          ? run(c, route)
          : refuse(c, notAllowed),
      );
    }
    app.all(path, (c) => refuse(c, notAllowed));
  }
  for (const { path, fetch } of options.mounts) {
    app.use(`${path}/*`, share("GET", "HEAD", "PUT"));
    app.all(`${path}/*`, async (c) => passOn(c, await fetch(c.req.raw)));
  }
  if (options.page !== undefined) app.route("/", options.page);
  return app;
}

/** The path of a request below `base`, where the host has not cut that off. */
const pathUnder = (base: string) => (request: Request) => {
  const path = getPath(request);
  return path.startsWith(`${base}/`) ? path.slice(base.length) : path;
};

/** Why a request is refused whatever it asks for. */
function refusalBeforeRouting(c: HttpContext, { loopbackOnly }: AppOptions): Refusal | undefined {
  // No URL can be made of a hostile `Host`, and all that follows counts on one.
  if (!URL.canParse(c.req.url)) return new MalformedRequest();
  if (isRewritten(requestPath(c))) return new NotFound();
  return loopbackOnly && !isLoopback(c) ? new LoopbackOnly() : undefined;
}
