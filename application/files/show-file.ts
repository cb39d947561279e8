import * as Effect from "effect/Effect";
import { WidthNotAllowed } from "../../domain/errors.ts";
import { isPicture } from "../../domain/picture.ts";
import { ImageServer } from "../ports/image-server.ts";
import { type GetRequest, Presigner } from "../ports/presigner.ts";

export interface Shown {
  /** In pixels, of a picture. */
  readonly width?: number | undefined;
  /** Saves the file itself, whatever the width. */
  readonly download?: boolean | undefined;
}

/**
 * Signs a GET that shows a file, or saves it. With a width, its URL shows a picture at the image
 * server, if any.
 */
export const showFile = Effect.fnUntraced(function* (
  request: GetRequest,
  { width, download }: Shown,
) {
  const { get } = yield* Presigner;
  if (download === true) {
    const responseDisposition = request.responseDisposition.replace(/^inline/, "attachment");
    return yield* get({ ...request, responseDisposition });
  }
  if (width === undefined || !isPicture(request.responseMediaType)) return yield* get(request);
  const server = yield* ImageServer;
  if (server === undefined) return yield* get(request);
  const source = yield* get({ ...request, audience: server.audience });
  return { ...source, url: server.addressOf(source, width) };
});

/** Fails unless `width` is undefined or one of `widths`. */
export const checkWidth = (width: number | undefined, widths: ReadonlyArray<number> = []) =>
  width === undefined || widths.includes(width)
    ? Effect.void
    : Effect.fail(new WidthNotAllowed({ widths }));
