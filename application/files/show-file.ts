import * as Effect from "effect/Effect";
import { WidthNotAllowed } from "../../domain/errors.ts";
import { isPicture } from "../../domain/picture.ts";
import { ImageServer } from "../ports/image-server.ts";
import { type GetRequest, Presigner } from "../ports/presigner.ts";

/**
 * Signs a GET of a file. With a width, of its picture at the image server, or else of the file
 * itself if there is no image server or the file is no picture.
 */
export const showFile = (request: GetRequest, width: number | undefined) =>
  width === undefined || !isPicture(request.responseMediaType)
    ? Presigner.use(({ get }) => get(request))
    : showPicture(request, width);

const showPicture = Effect.fnUntraced(function* (request: GetRequest, width: number) {
  const server = yield* ImageServer;
  const { get } = yield* Presigner;
  if (server === undefined) return yield* get(request);
  const { audience, addressOf } = server;
  const source = yield* get({ ...request, audience });
  const { url, expiresAt } = source;
  return { ...source, url: addressOf({ source: url, width, expiresAt }) };
});

/** Fails unless `width` is undefined or one of `widths`. */
export const checkWidth = (width: number | undefined, widths: ReadonlyArray<number> = []) =>
  width === undefined || widths.includes(width)
    ? Effect.void
    : Effect.fail(new WidthNotAllowed({ widths }));
