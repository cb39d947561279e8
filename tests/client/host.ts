import { vi } from "vitest";
import { type Client, type ClientOptions, createClient } from "../../adapters/browser/client.ts";
import type { ValetkeyOptions } from "../../adapters/embed/index.ts";
import { startHost } from "../embed/host.ts";

export const TOKEN = "a-token-of-mia";

/** A service with the embedded store on this machine, and a client of it. */
export async function startUploads(
  over: Partial<ValetkeyOptions> = {},
  options: Partial<ClientOptions> = {},
) {
  const host = await startHost({
    authenticate: ({ headers }) =>
      headers.get("authorization") === `Bearer ${TOKEN}` ? { id: "mia" } : undefined,
    ...over,
  });
  const client: Client = createClient({
    endpoint: host.address,
    organization: "acme",
    token: TOKEN,
    ...options,
  });
  return { ...host, client };
}

/** A request as the network sees it. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly isForStore: boolean;
  /** What follows `/files/` in the address of a call to the API. */
  readonly action: string;
}

/** What the network does to a request instead of delivering it. */
export type Trouble = (seen: Seen) => Response | "lost" | "answer lost" | undefined;

/** Takes the place of `fetch`, and gives all requests that went through it. */
export function network(trouble: Trouble = () => undefined): ReadonlyArray<Seen> {
  const seen: Array<Seen> = [];
  const real = globalThis.fetch;
  vi.stubGlobal("fetch", async (url: string, init: RequestInit = {}) => {
    const request: Seen = {
      method: init.method ?? "GET",
      url,
      headers: new Headers(init.headers),
      isForStore: new URL(url).pathname.startsWith("/store/"),
      action: /\/files\/(.*)/.exec(url)?.[1] ?? "",
    };
    seen.push(request);
    const happens = trouble(request);
    if (happens instanceof Response) return happens;
    if (happens === "lost") throw new TypeError("fetch failed");
    const answer = await real(url, init);
    if (happens !== "answer lost") return answer;
    await answer.arrayBuffer();
    throw new TypeError("fetch failed");
  });
  return seen;
}

/** Trouble for the first `count` requests that `matches`. */
export function first(
  count: number,
  matches: (seen: Seen) => boolean,
  trouble: () => Response | "lost" | "answer lost",
): Trouble {
  let left = count;
  return (seen) => {
    if (left === 0 || !matches(seen)) return undefined;
    left -= 1;
    return trouble();
  };
}

/** A refusal as a store writes it. */
export const s3Error = (status: number, code: string): Response =>
  new Response(`<Error><Code>${code}</Code><Message>A sentence.</Message></Error>`, { status });
