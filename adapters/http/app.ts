import * as Effect from "effect/Effect";
import { Hono } from "hono";
import { TrieRouter } from "hono/router/trie-router";
import { getPath } from "hono/utils/url";
import { basePathOf } from "./addresses.ts";
import { passOn, refuse } from "./answer.ts";
import { crossOrigin } from "./cross-origin.ts";
import type { HttpEnv } from "./env.ts";
import { exchange } from "./exchange.ts";
import { pipeline } from "./pipeline.ts";
import { MethodNotAllowed, NotFound } from "./refusals.ts";
import { RouterByMethod } from "./router.ts";
import { allowedMethods, type AppOptions, publicRoute, type Route } from "./route.ts";
import { ROUTES } from "./routes.ts";

export type { AppOptions } from "./route.ts";

/** The service as a web-standard handler: `app.fetch(request, peer)`. */
export function makeApp(options: AppOptions): Hono<HttpEnv> {
  const { mounts, page = [] } = options;
  const base = basePathOf(options.publicUrl);
  const app = new Hono<HttpEnv>({
    router: new RouterByMethod(),
    ...(base === "" ? {} : { getPath: pathUnder(base) }),
  });
  const handle = exchange(options);
  const sharing = crossOrigin(options);

  const isServed = ({ isProbe }: Route) => isProbe !== true || options.readiness !== undefined;
  const routes = [
    ...ROUTES.filter(isServed),
    ...page.map(({ path, answer }) =>
      publicRoute<never>({
        path,
        methods: ["GET", "HEAD"],
        handler: ({ c }) => Effect.promise(() => answer(c)),
        refusals: {},
      }),
    ),
  ];
  const run = pipeline(options, routes);
  /** What is answered to other methods. */
  const paths = new TrieRouter<MethodNotAllowed>();
  for (const route of routes) {
    const [method] = route.methods;
    const share = sharing(route.path);
    const notAllowed = new MethodNotAllowed({ allow: allowedMethods(routes, route.path) });
    paths.add("ALL", route.path, notAllowed);
    app.on(method, route.path, (c) =>
      handle(c, share, () =>
        // Hono hands HEAD to what is there for GET.
        c.req.method === method || route.methods.includes("HEAD")
          ? run(c, route)
          : refuse(c, notAllowed),
      ),
    );
  }
  for (const { path, fetch } of mounts) {
    const share = sharing(`${path}/`);
    app.all(`${path}/*`, (c) => handle(c, share, async () => passOn(c, await fetch(c.req.raw))));
  }
  app.notFound((c) =>
    handle(c, sharing(c.req.path), () => {
      const [[[notAllowed] = []]] = paths.match("ALL", c.req.path);
      return refuse(c, notAllowed ?? new NotFound());
    }),
  );
  return app;
}

/** The path of a request below `base`, where the host has not cut that off. */
const pathUnder = (base: string) => (request: Request) => {
  const path = getPath(request);
  return path.startsWith(`${base}/`) ? path.slice(base.length) : path;
};
