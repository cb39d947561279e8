import type { LookupFunction } from "node:net";
import { lookupPublic, mayBePublic } from "../../values/public-host.ts";
import type { Untrusted } from "../untrusted.ts";
import { makeAgents, type NodeAnswer, type NodeRequest, nodeRequest } from "./node-request.ts";

/** In characters; the headers of an answer have at most 16 KiB together. */
const LONGEST_HEADER = 8192;

// Stores that may have private addresses share no connections with others.
const AGENTS = { public: makeAgents(), private: makeAgents() };

/** Returns how to connect to a store whose owner is not trusted, or throws if that is not allowed. */
export function connectionTo(
  url: string,
  { allowPrivate }: Untrusted,
): { readonly lookup?: LookupFunction } {
  if (allowPrivate) return {};
  const parsed = new URL(url);
  if (parsed.protocol !== "https:" || !mayBePublic(parsed)) throw new Error(notPublic(parsed.host));
  return { lookup };
}

const notPublic = (host: string) =>
  `${host} is not an https address of the public Internet; STORAGE_ALLOW_PRIVATE=on (option allowPrivate) allows it`;
const lookup = lookupPublic(notPublic);

/**
 * Sends a request to a store whose owner is not trusted: to a public address, as it is resolved for
 * the connection. Header values of the answer are cut, and have only printable characters.
 */
export const untrustedFetch = async (
  url: string,
  untrusted: Untrusted,
  request: NodeRequest,
): Promise<NodeAnswer> =>
  nodeRequest(
    url,
    { ...request, ...connectionTo(url, untrusted) },
    AGENTS[untrusted.allowPrivate ? "private" : "public"],
    cleaned,
  );

const cleaned = (value: string) => value.slice(0, LONGEST_HEADER).replaceAll(/[^\t -~]/g, "?");
