import * as Cause from "effect/Cause";
import * as Effect from "effect/Effect";
import { isRewritten, loggedPath, requestPath } from "./addresses.ts";
import { answerProblem, refuse } from "./answer.ts";
import type { Sharing } from "./cross-origin.ts";
import type { HttpContext } from "./env.ts";
import { logAt } from "./log.ts";
import { isLoopback } from "./loopback.ts";
import { internalProblem, type Refusal } from "./problem.ts";
import { LoopbackOnly, MalformedRequest, NotFound } from "./refusals.ts";
import { discardBody } from "./request-body.ts";
import type { AppOptions } from "./route.ts";

/**
 * What every request goes through, whatever answers it: it gets an id, is refused or shared with
 * other origins, a failure becomes a 500, the rest of a refused body is read, and one line is
 * logged. One function instead of a chain of middleware, which costs more than to sign.
 */
export function exchange(
  options: AppOptions,
): (
  c: HttpContext,
  share: Sharing,
  answer: () => Response | Promise<Response>,
) => Promise<Response> {
  const { services, isStopping } = options;
  const log = Effect.runForkWith(services);
  const logRequest = logAt("Info", services);

  return async (c, share, answer) => {
    const start = logRequest ? performance.now() : 0;
    const requestId = crypto.randomUUID();
    const answerHeaders: Record<string, string> = { "X-Request-Id": requestId };
    // A client that kept its connection open would keep the service from stopping.
    if (isStopping() || sendsUnread(c)) answerHeaders["Connection"] = "close";
    c.set("requestId", requestId);
    c.set("answerHeaders", answerHeaders);
    let response: Response;
    const refusal = refusalBeforeRouting(c, options);
    if (refusal !== undefined) response = refuse(c, refusal);
    else {
      try {
        const preflight = share(c);
        response = (preflight && (await preflight)) || (await answer());
      } catch (error) {
        const cause = Cause.pretty(Cause.die(error));
        log(Effect.logError("request failed", { requestId, cause }));
        response = answerProblem(c, internalProblem(requestId));
      }
      if (response.status >= 400 && !(await discardBody(c.req.raw))) {
        response.headers.set("Connection", "close");
      }
    }
    const code = c.get("code");
    logRequest?.("request", {
      requestId,
      method: c.req.method,
      // Without the query, which may hold a signature.
      path: loggedPath(requestPath(c)),
      status: response.status,
      ...(code === undefined ? {} : { code }),
      milliseconds: Math.round(performance.now() - start),
    });
    return response;
  };
}

/** Whether a body follows that nobody reads, and so nobody ends if it takes for ever. */
const sendsUnread = ({ req }: HttpContext) =>
  BODILESS.has(req.method) &&
  (![undefined, "0"].includes(req.header("content-length")) ||
    req.header("transfer-encoding") !== undefined);

const BODILESS = new Set(["GET", "HEAD", "OPTIONS"]);

/** Why a request is refused whatever it asks for. */
function refusalBeforeRouting(c: HttpContext, { loopbackOnly }: AppOptions): Refusal | undefined {
  // No URL can be made of a hostile `Host`, and all that follows counts on one.
  if (!URL.canParse(c.req.url)) return new MalformedRequest();
  if (isRewritten(requestPath(c))) return new NotFound();
  return loopbackOnly && !isLoopback(c) ? new LoopbackOnly() : undefined;
}
