import * as Cause from "effect/Cause";
import * as Effect from "effect/Effect";
import { isRewritten, loggedPath, requestPath } from "../addresses.ts";
import type { Answer } from "../answer.ts";
import type { Sharing } from "./cross-origin.ts";
import type { HttpContext } from "../env.ts";
import { logAt } from "./log.ts";
import { isLoopback } from "../loopback.ts";
import type { AppOptions } from "../options.ts";
import { refuse } from "../problems/answer-problem.ts";
import type { Refusal } from "../problems/table.ts";
import { Internal, LoopbackOnly, MalformedRequest, NotFound } from "../problems/refusals.ts";
import { discardBody } from "../operations/request-body.ts";
import { traceIdIn } from "./trace-id.ts";

/** Answers one request; a `Response` comes from outside of the service, such as a mount. */
type Responder = (requestId: string) => Answer | Response | Promise<Answer | Response>;

/**
 * Handles every request: gives it an id, refuses it or shares it with other origins, turns a
 * failure into a 500, reads the rest of a refused body, and logs one line. One function instead of
 * a chain of middleware, which costs more than signing.
 */
export function exchange(
  options: AppOptions,
): (c: HttpContext, sharing: Sharing, answering: Responder, route?: string) => Promise<Response> {
  const { services, isStopping, watch, page = [] } = options;
  const log = Effect.runForkWith(services);
  const logRequest = logAt("Info", services);
  const logDetail = logAt("Debug", services);
  const pageFiles: ReadonlySet<string | undefined> = new Set(page.map(({ path }) => path));

  return async (c, sharing, answering, route) => {
    const start = logRequest ? performance.now() : 0;
    const requestId = crypto.randomUUID();
    const { method, raw } = c.req;
    const watched = watch?.({ method, route, requestId, headers: raw.headers });
    if (watched?.span) c.set("span", watched.span);
    const headers: Record<string, string> = { "X-Request-Id": requestId };
    // A client that kept its connection open would keep the service from stopping.
    if (isStopping() || sendsUnread(c)) headers["Connection"] = "close";
    let answer: Answer | Response;
    const path = requestPath(c);
    const refusal = refusalBeforeRouting(c, path, options);
    if (refusal !== undefined) answer = refuse(c, refusal, requestId);
    else {
      try {
        const isPreflight = sharing !== undefined && c.req.method === "OPTIONS";
        const preflight = isPreflight ? await sharing.preflight(c, requestId) : undefined;
        if (!isPreflight && sharing !== undefined) {
          Object.assign(headers, sharing.headers(c, requestId));
        }
        answer = preflight ?? (await answering(requestId));
      } catch (error) {
        const cause = Cause.pretty(Cause.die(error));
        log(Effect.logError("request failed", { requestId, cause }));
        answer = refuse(c, new Internal({ requestId }), requestId);
      }
      if (answer.status >= 400 && !(await discardBody(raw))) headers["Connection"] = "close";
    }
    watched?.end(answer.status);
    const trace_id = logRequest && (watched?.span?.traceId ?? traceIdIn(raw.headers));
    const logAnswer = answer.status < 400 && pageFiles.has(route) ? logDetail : logRequest;
    logAnswer?.("request", {
      requestId,
      method,
      // Without the query, which may hold a signature.
      path: loggedPath(path),
      status: answer.status,
      ...("code" in answer && { code: answer.code }),
      milliseconds: Math.round(performance.now() - start),
      ...(trace_id && { trace_id }),
    });
    // Not by `instanceof`, since a host may bring its own `Response`.
    return "clone" in answer ? withHeaders(answer, headers) : response(answer, headers);
  };
}

/** Headers of the answer win; `Vary` is combined. */
function response({ status, headers: ofAnswer, body }: Answer, common: Record<string, string>) {
  const { Vary: vary } = common;
  if (ofAnswer["Vary"] !== undefined && vary !== undefined)
    ofAnswer = { ...ofAnswer, Vary: `${vary}, ${ofAnswer["Vary"]}` };
  return new Response(body, { status, headers: { ...common, ...ofAnswer } });
}

function withHeaders(response: Response, headers: Readonly<Record<string, string>>): Response {
  for (const name in headers) response.headers.set(name, headers[name] ?? "");
  return response;
}

/** Returns true if a body follows that is not read: it may never end. */
const sendsUnread = ({ req: { raw, method } }: HttpContext) =>
  BODILESS.has(method) &&
  (![null, "0"].includes(raw.headers.get("content-length")) ||
    raw.headers.has("transfer-encoding"));

const BODILESS = new Set(["GET", "HEAD", "OPTIONS"]);

function refusalBeforeRouting(
  c: HttpContext,
  path: string,
  { loopbackOnly }: AppOptions,
): Refusal | undefined {
  // A hostile `Host` makes no URL, which everything below needs.
  if (!URL.canParse(c.req.url)) return new MalformedRequest();
  if (isRewritten(path)) return new NotFound();
  return loopbackOnly && !isLoopback(c) ? new LoopbackOnly() : undefined;
}
