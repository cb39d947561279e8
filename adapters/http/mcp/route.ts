import * as Effect from "effect/Effect";
import { Authenticator } from "../../../application/ports/authenticator.ts";
import { Limiter } from "../../../application/ports/limiter.ts";
import { isSlug } from "../../../domain/organization.ts";
import { memberAt } from "../../values/decode.ts";
import { type Answer, json, NO_CONTENT } from "../answer.ts";
import type { HttpContext, Peer } from "../env.ts";
import { hostName, isLoopbackName } from "../loopback.ts";
import { ADMISSION_REFUSALS, BODY_REFUSALS } from "../openapi/refused-answers.ts";
import { type PublicRequest, publicRoute } from "../operations/operation.ts";
import type { AppOptions } from "../options.ts";
import { readJson, type UnreadBody } from "../operations/request-body.ts";
import { answerMessage, failure, isSupported } from "./messages.ts";
import { toolsFor } from "./tools.ts";

/**
 * Answers the Model Context Protocol (Streamable HTTP) for the organization in the address. A call
 * becomes a request for its operation to `handle`, with all checks of requests.
 */
export function mcpRoute(handle: (request: Request, peer: Peer) => Promise<Response>) {
  const take = Effect.fnUntraced(function* (request: PublicRequest) {
    const { c, call, options, recordFacts } = request;
    if (isFromOtherSite(c, options)) return refused(OTHER_SITE, 403);
    const principal = yield* Authenticator.use(({ authenticate }) => authenticate(call));
    recordFacts?.({ principal });
    let isAudited = false;
    const answered = yield* Effect.exit(
      answer(request, (sent) => {
        isAudited = true;
        return handle(sent, { address: c.env.address, principal });
      }),
    );
    // A call is counted, and audited, as the request that it becomes.
    if (!isAudited) {
      const { countRequest } = yield* Limiter;
      yield* countRequest("subject", `${principal.kind} ${principal.subject}`);
    }
    return { ...(yield* answered), isAudited };
  });
  const refusals = { ...ADMISSION_REFUSALS, ...BODY_REFUSALS };
  return publicRoute({ methods: ["POST"], path: "/mcp", action: "mcp", handler: take, refusals });
}

const answer = Effect.fnUntraced(function* (
  { c, recordFacts }: PublicRequest,
  handle: (request: Request) => Promise<Response>,
): Effect.fn.Return<Answer, UnreadBody> {
  const { raw, url } = c.req;
  const slug = new URL(url).searchParams.get("org") ?? "";
  if (!isSlug(slug)) return refused("Call /mcp?org=NAME.");
  recordFacts?.({ slug });
  if (!isSupported(raw.headers.get("mcp-protocol-version"))) {
    return refused("MCP-Protocol-Version is not supported.");
  }
  const message = yield* Effect.fromResult(yield* Effect.promise(() => readJson(raw)));
  const headers = new Headers(raw.headers);
  for (const each of ["accept", "content-length", "expect", "transfer-encoding"])
    headers.delete(each);
  const send = (path: string, init: RequestInit) =>
    handle(new Request(new URL(path, url), { ...init, headers }));
  const { message: reply, ...rest } = yield* Effect.promise(() =>
    answerMessage(message, toolsFor(send, slug)),
  );
  if (reply === undefined) return { ...NO_CONTENT, status: 202 };
  return { ...json(reply, memberAt(reply, ["id"]) === null ? 400 : 200), ...rest };
});

const refused = (message: string, status = 400): Answer => ({
  ...json(failure(-32600, message), status),
  code: "INVALID_REQUEST",
});

const OTHER_SITE =
  "The request comes from a page of another origin, or names another host. Call PUBLIC_URL, or add the origin to CORS_ORIGINS.";

/** Returns true if another site's page may have sent it, under a name made to resolve to here. */
function isFromOtherSite(c: HttpContext, { publicUrl, corsOrigins }: AppOptions): boolean {
  const origin = c.req.header("origin");
  if (origin !== undefined && ![publicUrl.origin, ...corsOrigins].includes(origin)) return true;
  const host = c.req.header("host") ?? new URL(c.req.url).host;
  return isLoopbackName(hostName(publicUrl.host)) && !isLoopbackName(hostName(host));
}
