import * as Option from "effect/Option";
import { parse, pathOf, type StorageKey } from "../../domain/storage-key.ts";

/** Leads members of an organization to a file; `slug` is the name that it was asked for by. */
export const fileAddress = (publicUrl: URL, slug: string, key: StorageKey): string =>
  `${rootOf(publicUrl)}/api/v1/orgs/${slug}/files/${pathOf(Option.getOrThrow(parse(key)))}`;

/** Opens a file for whoever holds the token. */
export const linkAddress = (publicUrl: URL, token: string): string =>
  `${rootOf(publicUrl)}/f/${token}`;

/** The path under which a service is mounted at `publicUrl`; empty where it has the whole origin. */
export const basePathOf = ({ pathname }: URL): string => (pathname === "/" ? "" : pathname);

const rootOf = (publicUrl: URL) => `${publicUrl.origin}${basePathOf(publicUrl)}`;
