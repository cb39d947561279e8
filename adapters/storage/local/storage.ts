import { directory } from "../../settings/directory.ts";
import * as Result from "effect/Result";
import { readSettings, type Values } from "../../settings/setting.ts";
import { EMBEDDED_ABILITIES, EMBEDDED_LIMITS } from "./abilities.ts";
import { type KnownStorage, loaded, type Storage, type Store, STORE_PATH } from "../storage.ts";
import { bucket } from "../settings.ts";

export const settings = { bucket, directory };
type LocalSettings = Values<typeof settings>;

export const read: Store["read"] = (source) =>
  Result.map(
    readSettings(settings, source),
    (values) => (publicUrl, path) => embeddedStorage(values, publicUrl, path),
  );

export function embeddedStorage(
  settings: LocalSettings,
  publicUrl: URL,
  path = STORE_PATH,
): KnownStorage & Required<Pick<Storage, "fetch">> {
  const base = publicUrl.pathname.replace(/\/$/, "");
  const endpoint = new URL(`${base}${path}`, publicUrl);
  let handler: Storage["fetch"];
  return {
    description: `embedded, in the folder ${settings.directory}`,
    abilities: EMBEDDED_ABILITIES,
    limits: EMBEDDED_LIMITS,
    byHand: async () => ({ policyFor: () => ({ command: () => NO_POLICY }) }),
    layer: loaded(async () => {
      const { layer } = await import("./layer.ts");
      return layer(settings, endpoint, (opened) => (handler = opened));
    }),
    fetch: async (request, onAnnounced) => {
      if (handler === undefined) throw new Error("the embedded store is not open yet");
      return handler(withBase(request, base), onAnnounced);
    },
  };
}

const NO_POLICY = "The embedded store is this service's own, and needs no policy";

/** Adds the path of the mount, which some hosts strip but the client signed. */
function withBase(request: Request, base: string): Request {
  if (base === "") return request;
  const url = new URL(request.url);
  if (url.pathname.startsWith(`${base}/`)) return request;
  url.pathname = `${base}${url.pathname}`;
  return new Request(url, request);
}
