import * as Clock from "effect/Clock";
import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as application from "../../application/open-file.ts";
import { followLink as follow } from "../../application/follow-link.ts";
import { keptByBrowser } from "./answer.ts";
import type { HttpContext } from "./env.ts";
import type { MemberRequest, RouteRequest } from "./route.ts";

/**
 * Answers `GET /api/v1/orgs/:slug/files/:year/:month/:name`; `?download` saves the file, and
 * `?version=` names one of its versions.
 */
export const openFile = Effect.fnUntraced(function* (request: MemberRequest) {
  const { c, member } = request;
  const query = new URL(c.req.url).searchParams;
  const file = { download: query.has("download"), version: query.get("version") ?? undefined };
  const path = `${c.req.param("year")}/${c.req.param("month")}/${c.req.param("name")}`;
  const { get, window } = yield* application.openFile({ member, path, ...file });
  const now = yield* Clock.currentTimeMillis;
  const length = Duration.toMillis(window);
  // A URL stops working before its window ends if the credentials that signed it expire.
  const left = Math.min(
    length === 0 ? 0 : length - (now % length),
    DateTime.toEpochMillis(get.expiresAt) - now,
  );
  return redirect(c, get.url, Math.max(0, Math.floor(left / 1000)));
});

/**
 * Answers `GET /f/:token` for whoever holds the link. Clients may not keep the answer, so that a
 * link stops working as soon as it is revoked. Each opening is logged, since the caller is unknown
 * and the audit may be off.
 */
export const followLink = Effect.fnUntraced(function* (request: RouteRequest) {
  const { c, call, recordFacts } = request;
  const { key, policy, get } = yield* follow(c.req.param("token") ?? "", recordFacts);
  const requestId = c.get("requestId");
  yield* Effect.logInfo("link opened", { requestId, address: call.client, key, policy });
  return redirect(c, get.url, 0);
});

/** Redirects to `url`; a browser may keep the answer for `maxAge` seconds. */
const redirect = (c: HttpContext, url: string, maxAge: number) =>
  new Response(null, {
    status: 302,
    headers: {
      Location: url,
      "Referrer-Policy": "no-referrer",
      "X-Content-Type-Options": "nosniff",
      ...c.get("answerHeaders"),
      ...keptByBrowser(c, maxAge),
    },
  });
