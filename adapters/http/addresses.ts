import type { Policies } from "../../application/ports/policies.ts";
import { isPublicKey, pathWithin, publicPath, type StorageKey } from "../../domain/storage-key.ts";
import type { HttpContext } from "./env.ts";

/** The path of an organization's files, as Hono writes it. */
export const FILES = "/api/v1/orgs/:slug/files";

/** The path of what an organization stores. */
export const USAGE = "/api/v1/orgs/:slug/usage";

/** The path of temporary credentials. */
export const CREDENTIALS = "/api/v1/orgs/:slug/credentials";

export const fileAddress = (
  publicUrl: URL,
  slug: string,
  { key, version }: { readonly key: StorageKey; readonly version?: string | undefined },
): string => {
  const path = `${FILES.replace(":slug", slug)}/${pathWithin(key)}`;
  const query = version === undefined ? "" : `?version=${encodeURIComponent(version)}`;
  return `${rootAt(publicUrl)}${path}${query}`;
};

/** Returns the address of a public file, which never expires; undefined for any other file. */
export type PublicAddress = (key: StorageKey) => string | undefined;

/** The path of public files. */
export const PUBLIC_FILES = "/p";

export const hasPublicFiles = (policies: Policies["Service"]): boolean =>
  [...policies.values()].some((policy) => policy.public);

/** Returns the addresses of public files, at the CDN if there is one; undefined without a public policy. */
export function publicAddresses(
  policies: Policies["Service"],
  publicUrl: URL,
  cdn: string | undefined,
): PublicAddress | undefined {
  if (!hasPublicFiles(policies)) return undefined;
  const addressOf =
    cdn === undefined
      ? (key: StorageKey) => `${rootAt(publicUrl)}${PUBLIC_FILES}/${publicPath(key)}`
      : (key: StorageKey) => `${cdn}/${key}`;
  return (key) => (isPublicKey(key) ? addressOf(key) : undefined);
}

export const linkAddress = (publicUrl: URL, token: string): string =>
  `${rootAt(publicUrl)}/f/${token}`;

/** Returns the path under which a service is mounted at `publicUrl`; empty for the whole origin. */
export const basePathAt = ({ pathname }: URL): string => (pathname === "/" ? "" : pathname);

const rootAt = (publicUrl: URL) => `${publicUrl.origin}${basePathAt(publicUrl)}`;

/** Returns the path of a request, as it was sent if the server knows that. */
export const requestPath = (c: HttpContext): string => pathIn(c.env?.target ?? c.req.url);

/** Returns the path in an address, exactly as it is written there. */
export const pathIn = (address: string): string => PATH.exec(address)?.[1] ?? "";

/**
 * Returns true if a path has escapes or dot segments, which no path of the service has. A host that
 * protects `/api` by its name does not recognize `/f/../api` or `/%61pi`, so these are never
 * resolved.
 */
export const isRewritten = (path: string): boolean => REWRITTEN.test(path);

/**
 * Returns a path for the log, of at most 256 characters. Segments that may be, or decode to, the
 * token of a link are left out: it opens a file for every reader of the log.
 */
export function loggedPath(path: string): string {
  if (PLAIN.test(path) && !MAC.test(path) && !path.startsWith("/f/")) return path;
  if (path.startsWith("/f/")) return "/f/…";
  const shown = path
    .slice(0, LONGEST)
    .split("/")
    .map((segment) => (PLAIN.test(segment) && !MAC.test(segment) ? segment : "…"));
  // The last segment may be cut off.
  if (path.length > LONGEST) shown.splice(-1, 1, "…");
  return shown.join("/");
}

const LONGEST = 256;
const PATH = /^(?:https?:\/\/[^/?#]*)?([^?#]*)/i;
const REWRITTEN = /[%\\]|\/\.{1,2}(?:\/|$)/;
const PLAIN = /^[\w./~-]{0,256}$/;
/** Length of the last part of a token, without which the rest is useless. */
const MAC = /[\w-]{43}/;
