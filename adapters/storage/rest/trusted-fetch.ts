import { makeAgents, type NodeAnswer, type NodeRequest, nodeRequest } from "./node-request.ts";

/**
 * Sends a request by `fetch`, but a `HEAD` by Node's own client: Node's `fetch` closes the
 * connection after each. Redirects are not followed: no other server may get the signature.
 */
export const trustedFetch = (url: string, request: NodeRequest): Promise<NodeAnswer> =>
  request.method === "HEAD" && IS_NODE && hasOwnDispatcher()
    ? nodeRequest(url, request, AGENTS)
    : fetch(url, { ...request, redirect: "manual" });

const AGENTS = makeAgents();

const IS_NODE =
  !("Deno" in globalThis || "Bun" in globalThis) &&
  globalThis.navigator?.userAgent !== "Cloudflare-Workers";

interface Dispatcher {
  readonly dispatch?: unknown;
}

/**
 * Returns true if the dispatcher of `fetch` is the one that Node itself makes. An application's may
 * lead through a proxy, or trust other certificates, and gets all requests.
 */
function hasOwnDispatcher(): boolean {
  const held = globalThis as { readonly [key: symbol]: Dispatcher | undefined };
  // Node 26 sets both; until the first call there is none.
  const dispatcher =
    held[Symbol.for("undici.globalDispatcher.2")] ?? held[Symbol.for("undici.globalDispatcher.1")];
  if (dispatcher === undefined) return true;
  const { name, prototype } = dispatcher.constructor as { name: string; prototype: Dispatcher };
  const options = Object.getOwnPropertySymbols(dispatcher).find(
    ({ description }) => description === "options",
  );
  return (
    name === "Agent" &&
    dispatcher.dispatch === prototype.dispatch &&
    options !== undefined &&
    Object.values((dispatcher as Record<symbol, object>)[options] ?? {}).every(
      (value) => value === undefined || value === Number.POSITIVE_INFINITY,
    )
  );
}
