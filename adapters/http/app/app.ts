import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import { Hono } from "hono";
import { TrieRouter } from "hono/router/trie-router";
import { getPath } from "hono/utils/url";
import { confirmArrived } from "../../../application/uploads/confirm-announced.ts";
import { Policies } from "../../../application/ports/policies.ts";
import { inStoreNamed } from "../../../application/store/in-store.ts";
import { LinkNotFound } from "../../../domain/errors.ts";
import { DEFAULT_STORE } from "../../../domain/place.ts";
import { basePathAt, hasPublicFiles } from "../addresses.ts";
import { crossOrigin } from "./cross-origin.ts";
import type { HttpContext, HttpEnv } from "../env.ts";
import { exchange } from "./exchange.ts";
import { OPERATIONS, PUBLIC_ROUTES } from "./routes.ts";
import { metricsRoute } from "./metrics.ts";
import {
  allowedMethods,
  type PublicRoute,
  publicRoute,
  type Route,
} from "../operations/operation.ts";
import { publicFileRoute } from "../operations/public-file.ts";
import type { AppOptions } from "../options.ts";
import { pipeline } from "./pipeline.ts";
import { refuse } from "../problems/answer-problem.ts";
import { MethodNotAllowed, NotFound, UnknownAddress } from "../problems/refusals.ts";
import { RouterByMethod } from "./router.ts";

export type { AppOptions } from "../options.ts";

/** Makes the service as a web-standard handler: `app.fetch(request, peer)`. */
export function makeApp(options: AppOptions): Hono<HttpEnv> {
  return appWith([], options);
}

/** Makes it with further routes. */
export function appWith(more: ReadonlyArray<PublicRoute>, options: AppOptions): Hono<HttpEnv> {
  const { mounts } = options;
  const base = basePathAt(options.publicUrl);
  const app = new Hono<HttpEnv>({
    router: new RouterByMethod(),
    ...(base === "" ? {} : { getPath: pathUnder(base) }),
  });
  const handle = exchange(options);
  const sharing = crossOrigin(options);
  const routes = [...routesFor(options), ...more];
  const run = pipeline(options, routes);
  /** The refusal of other methods, by path. */
  const paths = new TrieRouter<MethodNotAllowed>();
  for (const route of routes) {
    const { path, deepPaths = [], methods } = route;
    const addresses = [path, ...deepPaths];
    const [method] = methods;
    const share = sharing(path);
    const notAllowed = new MethodNotAllowed({ allow: allowedMethods(routes, path) });
    for (const address of addresses) paths.add("ALL", address, notAllowed);
    app.on(method, addresses, (c: HttpContext) =>
      handle(
        c,
        share,
        (requestId) =>
          // Hono answers HEAD by the handler of GET.
          c.req.method === method || methods.includes("HEAD")
            ? run(c, route, requestId)
            : refuse(c, notAllowed, requestId),
        path,
      ),
    );
  }
  const unknown = (path: string) => {
    const endsWithSlash = path.endsWith("/") && paths.match("ALL", path.slice(0, -1))[0].length > 0;
    return new UnknownAddress({ base, endsWithSlash });
  };
  const onAnnounced = (key: string, store = DEFAULT_STORE) =>
    Effect.runPromiseWith(options.services)(inStoreNamed(store, confirmArrived(key)));
  for (const { path, fetch } of mounts) {
    const share = sharing(`${path}/`);
    app.all(`${path}/*`, (c) => handle(c, share, () => fetch(c.req.raw, onAnnounced), `${path}/*`));
  }
  app.notFound((c) =>
    handle(c, sharing(c.req.path), (requestId) => {
      const { path } = c.req;
      const [[[notAllowed] = []]] = paths.match("ALL", path);
      const refusal = notAllowed ?? (LINKS.test(path) ? new LinkNotFound() : unknown(path));
      return refuse(c, refusal, requestId);
    }),
  );
  return app;
}

function routesFor({ page = [], readiness, metrics, services }: AppOptions): ReadonlyArray<Route> {
  return [
    ...Object.values(OPERATIONS),
    ...PUBLIC_ROUTES.filter(({ isProbe }) => isProbe === undefined || readiness !== undefined),
    ...(hasPublicFiles(Context.get(services, Policies)) ? [publicFileRoute] : []),
    ...(metrics === undefined ? [] : [metricsRoute(metrics)]),
    ...page.map(({ path, answer }) =>
      publicRoute({
        path,
        methods: ["GET", "HEAD"],
        handler: ({ c }) =>
          Effect.flatMap(
            Effect.promise(() => answer(c)),
            (file) => (file === undefined ? new NotFound() : Effect.succeed(file)),
          ),
        refusals: { NotFound: true },
      }),
    ),
  ];
}

/** Links without a token. */
const LINKS = /^\/f\/?$/;

/** Returns the path of a request below `base`, unless the host has already removed that. */
const pathUnder = (base: string) => (request: Request) => {
  const path = getPath(request);
  return path.startsWith(`${base}/`) ? path.slice(base.length) : path;
};
