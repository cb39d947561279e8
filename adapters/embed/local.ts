import * as Layer from "effect/Layer";
import { basePathOf } from "../http/addresses.ts";
import { Mounts } from "../http/mounts.ts";
import { LocalStore } from "../storage/local/local-store.ts";
import { read, settings } from "../storage/local/settings.ts";
import { PATH, store } from "../storage/local/store.ts";
import { asStorage } from "./hidden.ts";
import { envOf, orThrow } from "./options.ts";
import type { Storage } from "./valetkey-options.ts";

/** Where the embedded store keeps its files. */
export interface LocalOptions {
  /** A folder that this service alone writes to; `.valetkey` if left out. */
  readonly directory?: string | undefined;
  /** `files` if left out. */
  readonly bucket?: string | undefined;
}

/**
 * The embedded store, for `createValetkey`: files in a folder, which `fetch` serves under
 * `/store/`. Throws a `TypeError` for wrong options.
 */
export function local(options: LocalOptions = {}): Storage {
  const { env, faults } = envOf(options, settings);
  const values = orThrow(read(env), { what: "local()", settings, faults });
  return asStorage((publicUrl) => {
    const { layer, ...rest } = store(values, publicUrl);
    const base = basePathOf(publicUrl);
    const mounts = Layer.effect(
      Mounts,
      LocalStore.useSync(({ fetch }) => [
        { path: PATH, fetch: (request) => fetch(addressed(request, base)) },
      ]),
    );
    return {
      ...rest,
      settings,
      paths: [`${base}${PATH}/*`],
      layer: Layer.provideMerge(mounts, layer),
    };
  });
}

/** A request as the client sent it, whose signature covers the path; some hosts cut `base` off. */
function addressed(request: Request, base: string): Request {
  if (base === "") return request;
  const url = new URL(request.url);
  if (url.pathname.startsWith(`${base}/`)) return request;
  url.pathname = `${base}${url.pathname}`;
  return new Request(url, request);
}
