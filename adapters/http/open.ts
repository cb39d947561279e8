import * as Clock from "effect/Clock";
import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import { followLink } from "../../application/follow-link.ts";
import { openFile } from "../../application/open-file.ts";
import type { SignedRequest } from "../../application/ports/presigner.ts";
import type { HttpContext } from "./env.ts";
import type { Operation } from "./operation.ts";

/** Where a file is to be had, and for how many seconds the same answer holds. */
interface Opened {
  readonly url: string;
  readonly maxAge: number;
}

/** What `GET /api/v1/orgs/:slug/files/:year/:month/:name` leads to; `?download` saves the file. */
export const open = Effect.fnUntraced(function* (
  { year, month, name }: { readonly year: string; readonly month: string; readonly name: string },
  { member, note, address }: Pick<Operation, "member" | "note"> & { readonly address: string },
) {
  const download = new URL(address).searchParams.has("download");
  const file = yield* openFile({ member, path: `${year}/${month}/${name}`, download });
  note({ key: file.key, mediaType: file.mediaType });
  return yield* opened(file);
});

/**
 * What `GET /f/:token` leads to, for whoever holds the link. The answer is not kept, so that a
 * link which is taken back stops at once; the URL that it leads to is the same for a while. The
 * log tells of each, since nobody has shown who they are, and the audit may be off.
 */
export const follow = Effect.fnUntraced(function* (
  token: string,
  {
    note,
    ...asked
  }: Pick<Operation, "note"> & {
    readonly requestId: string;
    readonly address: string | undefined;
  },
) {
  const { key, mediaType, policy, get } = yield* followLink(token);
  note({ key, mediaType, policy });
  yield* Effect.logInfo("link opened", { ...asked, key, policy });
  return { url: get.url, maxAge: 0 };
});

const opened = ({
  get,
  window,
}: {
  readonly get: SignedRequest;
  readonly window: Duration.Duration;
}) =>
  Effect.map(Clock.currentTimeMillis, (now): Opened => {
    const length = Duration.toMillis(window);
    // A URL can end before its window, with the credentials that signed it.
    const left = Math.min(
      length === 0 ? 0 : length - (now % length),
      DateTime.toEpochMillis(get.expiresAt) - now,
    );
    return { url: get.url, maxAge: Math.max(0, Math.floor(left / 1000)) };
  });

/**
 * Sends a browser there; it may keep the answer for the same caller, who is known by a token or, at
 * a proxy, by a cookie, and nobody between may.
 */
export const redirect = (c: HttpContext, { url, maxAge }: Opened): Response => {
  const { Vary, ...others } = c.get("answerHeaders");
  return new Response(null, {
    status: 302,
    headers: {
      Location: url,
      "Cache-Control": maxAge === 0 ? "no-store" : `private, max-age=${maxAge}`,
      Vary: [Vary, "Authorization", "Cookie"].filter(Boolean).join(", "),
      "Referrer-Policy": "no-referrer",
      "X-Content-Type-Options": "nosniff",
      ...others,
    },
  });
};
