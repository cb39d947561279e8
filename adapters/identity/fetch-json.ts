import type * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import { IdentityUnavailable } from "../../domain/errors.ts";
import { parseJson } from "../settings/json-file.ts";
import { clientSpan, httpAttributes } from "../values/spans.ts";
import { fetchFailure } from "../values/thrown.ts";

/** Largest document, in bytes. */
const LARGEST = 256 * 1024;

/**
 * Fetches a JSON document from a configured address, without following redirects. The body is
 * undefined unless the status is 200.
 */
export const fetchJson = (
  url: URL,
  headers: Readonly<Record<string, string>> = {},
): Effect.Effect<{ readonly status: number; readonly body: unknown }, IdentityUnavailable> =>
  clientSpan(
    "GET",
    httpAttributes("GET", url),
    (trace) =>
      Effect.tryPromise({
        try: async (signal) => {
          const answer = await fetch(url, {
            signal,
            redirect: "error",
            headers: { Accept: "application/json", ...headers, ...trace },
          });
          if (answer.status !== 200) {
            await answer.body?.cancel();
            return { status: answer.status, body: undefined };
          }
          const body = parseJson(await readText(answer));
          if (Result.isFailure(body)) throw new Error(`the answer ${body.failure}`);
          return { status: 200, body: body.success };
        },
        catch: (cause) => unavailable(url, fetchFailure(cause)),
      }),
    true,
  );

/** Makes a request fail if the answer from `url` takes longer. */
export const within =
  (duration: Duration.Duration, url: URL) =>
  <A>(answer: Effect.Effect<A, IdentityUnavailable>): Effect.Effect<A, IdentityUnavailable> =>
    Effect.timeoutOrElse(answer, { duration, orElse: () => Effect.fail(tooLate(url)) });

export const tooLate = (url: URL) => unavailable(url, "there was no answer in time");

async function readText({ body }: Response): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.length;
    if (size > LARGEST) throw new Error(`the answer is larger than ${LARGEST} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

const unavailable = ({ origin, pathname }: URL, reason: string) =>
  new IdentityUnavailable({ reason: `${origin}${pathname}: ${reason}` });
