import type * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import { Hono } from "hono";
import { countFailure } from "../../../application/ports/authenticator.ts";
import type { Answer } from "../answer.ts";
import type { HttpContext, HttpEnv } from "../env.ts";
import type { MetricsAccess, Services } from "../options.ts";
import { asResponse } from "../problems/answer-problem.ts";
import { problemFrom } from "../problems/problem.ts";
import { Unauthenticated } from "../../../domain/errors.ts";
import { publicRoute } from "../operations/operation.ts";

export const metricsRoute = (access: MetricsAccess) =>
  publicRoute({
    methods: ["GET", "HEAD"],
    path: "/metrics",
    handler: ({ c }) => answerScrape(c, access),
    refusals: { Unauthenticated: true },
  });

/** Makes the handler of a listener for metrics only. */
export function metricsApp(access: MetricsAccess, services: Context.Context<Services>) {
  const app = new Hono<HttpEnv>();
  app.get("/metrics", (c) =>
    answerScrape(c, access).pipe(
      Effect.catchTag("Unauthenticated", (refusal) =>
        countFailure({ headers: c.req.raw.headers, address: c.env.address }, refusal),
      ),
      Effect.match({
        onSuccess: ({ body, ...init }) => new Response(body, init),
        onFailure: (refusal) => asResponse(problemFrom(refusal)),
      }),
      Effect.runPromiseWith(services),
    ),
  );
  return app;
}

function answerScrape(
  c: HttpContext,
  { hasToken, scrape }: MetricsAccess,
): Effect.Effect<Answer, Unauthenticated> {
  if (!hasToken(c.req.raw.headers)) return Effect.fail(new Unauthenticated({ by: "token" }));
  return Effect.sync(() => ({ status: 200, headers: HEADERS, body: scrape() }));
}

const HEADERS = {
  "Content-Type": "text/plain; version=0.0.4; charset=utf-8",
  "Cache-Control": "no-store",
};
