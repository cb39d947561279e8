import * as Option from "effect/Option";
import { parse, pathOf, type StorageKey } from "../../domain/storage-key.ts";
import type { HttpContext } from "./env.ts";

/** Leads members of an organization to a file; `slug` is the name that it was asked for by. */
export const fileAddress = (publicUrl: URL, slug: string, key: StorageKey): string =>
  `${rootOf(publicUrl)}/api/v1/orgs/${slug}/files/${pathOf(Option.getOrThrow(parse(key)))}`;

/** Opens a file for whoever holds the token. */
export const linkAddress = (publicUrl: URL, token: string): string =>
  `${rootOf(publicUrl)}/f/${token}`;

/** The path under which a service is mounted at `publicUrl`; empty where it has the whole origin. */
export const basePathOf = ({ pathname }: URL): string => (pathname === "/" ? "" : pathname);

const rootOf = (publicUrl: URL) => `${publicUrl.origin}${basePathOf(publicUrl)}`;

/** The path of a request, as it was sent where there is a server that tells it. */
export const requestPath = (c: HttpContext): string => pathIn(c.env?.target ?? c.req.url);

/** The path in an address, as it is written there. */
export const pathIn = (address: string): string => PATH.exec(address)?.[1] ?? "";

/**
 * Whether a path would have to be decoded or shortened to be one of ours: none of them has an
 * escape. Whoever guards `/api` by its name has not seen `/f/../api`, nor `/%61pi`.
 */
export const isRewritten = (path: string): boolean => REWRITTEN.test(path);

/**
 * A path as the log has it, of at most 256 characters: without what could be, or could be decoded
 * to, the token of a link, which opens a file for whoever reads it.
 */
export function loggedPath(path: string): string {
  if (PLAIN.test(path) && !MAC.test(path) && !path.startsWith("/f/")) return path;
  if (path.startsWith("/f/")) return "/f/…";
  const shown = path
    .slice(0, LONGEST)
    .split("/")
    .map((segment) => (PLAIN.test(segment) && !MAC.test(segment) ? segment : "…"));
  // What was cut off could be the rest of the last.
  if (path.length > LONGEST) shown.splice(-1, 1, "…");
  return shown.join("/");
}

const LONGEST = 256;
const PATH = /^(?:https?:\/\/[^/?#]*)?([^?#]*)/i;
const REWRITTEN = /[%\\]|\/\.{1,2}(?:\/|$)/;
const PLAIN = /^[\w./~-]{0,256}$/;
/** As long as the last part of a token, without which the others are worth nothing. */
const MAC = /[\w-]{43}/;
