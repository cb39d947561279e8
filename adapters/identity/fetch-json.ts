import * as Clock from "effect/Clock";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import { identity } from "effect/Function";
import * as Result from "effect/Result";
import { IdentityUnavailable } from "../../domain/errors.ts";
import { parseJson } from "../json/json-file.ts";
import { fetchFailureOf } from "../thrown.ts";

/** The largest document that is read, in bytes. */
const LARGEST = 256 * 1024;

/**
 * Fetches a JSON document from a configured address, without following redirects. The body is
 * undefined unless the status is 200. Fails with `IdentityUnavailable` for everything that goes
 * wrong.
 */
export const fetchJson = (
  url: URL,
  options: {
    readonly headers?: Readonly<Record<string, string>>;
    /** For the turn and the answer together. */
    readonly timeout: Duration.Duration;
    /** Delays the request until it may be made. */
    readonly inTurn?: <A, E>(request: Effect.Effect<A, E>) => Effect.Effect<A, E>;
  },
): Effect.Effect<{ readonly status: number; readonly body: unknown }, IdentityUnavailable> => {
  const tooLate = Effect.fail(unavailable(url, "there was no answer in time"));
  const request = Effect.tryPromise({
    try: async (signal) => {
      const answer = await fetch(url, {
        signal,
        redirect: "error",
        headers: { Accept: "application/json", ...options.headers },
      });
      if (answer.status !== 200) {
        await answer.body?.cancel();
        return { status: answer.status, body: undefined };
      }
      const body = parseJson(await readText(answer));
      if (Result.isFailure(body)) throw new Error(`the answer ${body.failure}`);
      return { status: 200, body: body.success };
    },
    catch: (cause) => unavailable(url, fetchFailureOf(cause)),
  });
  const { timeout, inTurn = identity } = options;
  return Effect.flatMap(Clock.currentTimeMillis, (start) =>
    inTurn(
      // If its turn comes too late, nobody waits for the answer any more.
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        now - start < Duration.toMillis(timeout) ? request : tooLate,
      ),
    ),
  ).pipe(Effect.timeoutOrElse({ duration: timeout, orElse: () => tooLate }));
};

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
