import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import { ImageServer } from "../../../application/ports/image-server.ts";
import { withoutSlashes } from "../../storage/signing/bucket-address.ts";
import type { ImageSettings, MakeServer, ServerName } from "./settings.ts";

/** The image servers, each in a module that is loaded only if it is used. */
const SERVERS: Readonly<Record<ServerName, () => Promise<{ readonly make: MakeServer }>>> = {
  imgproxy: () => import("./imgproxy.ts"),
  thumbor: () => import("./thumbor.ts"),
  cloudflare: () => import("./cloudflare.ts"),
};

/** The image server of these settings, if any. */
export const layer = (settings: ImageSettings): Layer.Layer<never> =>
  settings === undefined ? Layer.empty : Layer.effect(ImageServer, load(settings));

const load = ({ server, url, key, salt }: NonNullable<ImageSettings>) =>
  Effect.map(Effect.promise(SERVERS[server]), ({ make }) =>
    make({
      root: withoutSlashes(url.href),
      key: Redacted.value(key),
      salt: Redacted.value(salt),
    }),
  );
